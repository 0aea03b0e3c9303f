//! What a plan chooses, case by case.

use std::sync::Arc;
use std::time::{Duration, Instant};

use landline_protocol::limits::PIECE_BYTES;

use super::{Has, Plan, Run, SourceId, Task};
use crate::layout::Layout;

const MIB: u64 = PIECE_BYTES;

fn file(pieces: u64) -> Plan {
    Plan::new(Arc::new(Layout::single(pieces * MIB)), 1)
}

fn map(flags: &[bool]) -> Vec<u8> {
    let byte = |eight: &[bool]| (0..eight.len()).fold(0, |all, bit| all | u8::from(eight[bit]) << bit);
    flags.chunks(8).map(byte).collect()
}

const A: SourceId = SourceId(1);
const B: SourceId = SourceId(2);

fn with(plan: &mut Plan, source: SourceId, pieces: &[usize], given: &[usize]) {
    let of = |list: &[usize]| map(&(0..64).map(|piece| list.contains(&piece)).collect::<Vec<_>>());
    plan.join(source);
    plan.has(source, Has::Map(of(pieces)), Some(&of(given)));
}

#[test]
fn one_source_is_asked_in_order_and_what_a_dropped_connection_owes_again() {
    let mut plan = Plan::new(Arc::new(Layout::single(40 * MIB + 1)), 7);
    plan.join(A);
    assert_eq!(plan.take(A, MIB), None, "it did not say yet what it has");
    plan.has(A, Has::All, Some(&[0xff; 6]));
    let one = plan.take(A, 64 * MIB).unwrap();
    let two = plan.take(A, 5 * MIB).unwrap();
    assert_eq!(one.run, Run { first: 0, count: 10 }, "a fourth of what is free");
    assert_eq!(two.run, Run { first: 10, count: 5 }, "no more than it is good for");
    plan.verified(0);
    plan.verified(1);
    plan.end(A, one);
    plan.end(A, one);
    assert_eq!(plan.take(A, 64 * MIB).unwrap().run, Run { first: 2, count: 8 });
    let rest: Vec<Run> = std::iter::from_fn(|| plan.take(A, 64 * MIB)).map(|task| task.run).collect();
    assert_eq!(rest.last(), Some(&Run { first: 37, count: 4 }), "the last runs are short");
    assert_eq!(plan.take(A, 64 * MIB), None, "nothing twice from the same source");
    assert_eq!((plan.missing(), plan.free()), (39, 0));
}

#[test]
fn small_files_are_asked_for_by_the_thousand() {
    let mut plan = Plan::new(Arc::new(Layout::of((0..10_000).map(|n| n % 3 * 100))), 7);
    plan.join(A);
    plan.has(A, Has::All, None);
    let task = plan.take(A, 64 * MIB).unwrap();
    assert_eq!(task.run, Run { first: 0, count: 6_666 });
    assert_eq!(plan.layout().bytes(task.run), plan.wanted_bytes());
}

#[test]
fn the_rarest_go_first_and_what_was_given_to_others_last() {
    let mut plan = file(6);
    with(&mut plan, A, &[0, 1, 2, 3, 4, 5], &[3, 4]);
    with(&mut plan, B, &[0, 1, 4], &[]);
    assert!(matches!(plan.take(A, 9 * MIB).unwrap().run.range().start, 2 | 5));
    assert!(matches!(plan.take(A, 9 * MIB).unwrap().run.range().start, 2 | 5));
    assert!(plan.take(A, 1).unwrap().run.first < 2);
    assert!(plan.take(A, 1).unwrap().run.first < 2);
    assert_eq!(plan.take(A, 1).unwrap().run.first, 3, "given, but nobody else has it");
    assert_eq!(plan.take(A, 1).unwrap().run.first, 4, "given, but still better than to wait");
    assert!(!plan.has_free(B));
}

#[test]
fn at_the_end_the_slowest_is_helped_by_each_source_once() {
    let mut plan = file(10);
    with(&mut plan, A, &(0..10).collect::<Vec<_>>(), &[]);
    let slow = plan.take(A, MIB).unwrap();
    let fast = plan.take(A, 64 * MIB).unwrap();
    let more = plan.take(A, 64 * MIB).unwrap();
    let last = plan.take(A, 64 * MIB).unwrap();
    assert_eq!([slow, fast, more, last].map(|task| task.run.count), [1, 4, 4, 1]);
    with(&mut plan, B, &(0..10).collect::<Vec<_>>(), &[]);
    let help = plan.take(B, 64 * MIB).unwrap();
    assert!(
        help.duplicate && help.run == Run { first: 7, count: 2 },
        "the second half of the longest: {help:?}"
    );
    let all: Vec<Task> = std::iter::from_fn(|| plan.take(B, 64 * MIB)).collect();
    assert_eq!(all.iter().map(|task| task.run.count).sum::<usize>(), 8, "all once: {all:?}");
    plan.verified(7);
    plan.verified(8);
    assert!(plan.is_run_here(help.run) && !plan.is_run_here(more.run));
    plan.leave(A);
    assert_eq!(plan.take(B, MIB), None, "B is bringing all of it already");
    plan.end(B, all[0]);
    assert_eq!(plan.take(B, 64 * MIB).unwrap().run.count, all[0].run.count);
}

#[test]
fn nothing_is_duplicated_while_anything_can_be_had() {
    let mut plan = file(4);
    with(&mut plan, A, &[0, 1, 2, 3], &[]);
    with(&mut plan, B, &[0], &[]);
    assert_eq!(plan.take(B, MIB).unwrap().run.first, 0);
    let taken = plan.take(A, MIB).unwrap().run.first;
    with(&mut plan, B, &[0, taken], &[]);
    assert_eq!(plan.take(B, MIB), None, "A can be asked for two more");
    with(&mut plan, A, &[0, taken], &[]);
    let help = plan.take(B, MIB).unwrap();
    assert!(help.duplicate && help.run.first == taken, "the other two nobody has any more: {help:?}");
}

#[test]
fn a_task_that_ends_is_its_own_and_no_other() {
    let mut plan = file(1);
    with(&mut plan, A, &[0], &[]);
    with(&mut plan, B, &[0], &[]);
    let first = plan.take(A, MIB).unwrap();
    let help = plan.take(B, MIB).unwrap();
    plan.end(B, help);
    assert_eq!(plan.take(A, MIB), None, "A is at it");
    let again = plan.take(B, MIB).unwrap();
    plan.leave(B);
    with(&mut plan, B, &[0], &[]);
    let once_more = plan.take(B, MIB).unwrap();
    plan.end(B, again);
    plan.end(A, first);
    assert_eq!(plan.take(B, MIB), None, "what ended late was another");
    assert!(plan.take(A, MIB).is_some_and(|task| task.duplicate && task.run == once_more.run));
}

#[test]
fn only_what_is_wanted_counts() {
    let mut plan = Plan::new(Arc::new(Layout::of([MIB + 5, 0, 7, 2 * MIB])), 3);
    plan.verified(1);
    plan.provisional(3);
    plan.verified(99);
    plan.provisional(99);
    plan.refuted(99);
    assert_eq!((plan.wanted_bytes(), plan.here_bytes(), plan.verified_bytes()), (3 * MIB + 12, MIB + 5, 5));
    assert_eq!(plan.picture(5), [0, 255, 0, 255, 0]);
    assert_eq!(plan.picture(2), [127, 85]);
    plan.want_only(&[true, true, false, false]);
    assert_eq!((plan.wanted_bytes(), plan.here_bytes(), plan.missing()), (MIB + 5, 5, 1));
    assert_eq!(plan.picture(4), [0, 0, 255, 255]);
    plan.join(A);
    plan.has(A, Has::All, None);
    assert_eq!(plan.take(A, 64 * MIB).unwrap().run, Run { first: 0, count: 1 });
    plan.provisional(0);
    assert!(plan.is_here_all() && !plan.is_complete());
    plan.want_only(&[true, true]);
    plan.verified(0);
    assert!(plan.is_complete());
    assert_eq!(plan.bitmap(), [0b11]);
    plan.want_only(&[true; 9]);
    assert!(!plan.is_complete() && plan.missing() == 2);
    let nothing = Plan::new(Arc::new(Layout::of([0, 0])), 3);
    assert!(nothing.is_complete() && nothing.bitmap().is_empty());
    assert_eq!((nothing.picture(2), nothing.picture(0)), (vec![255, 255], vec![]));
}

/// Far above what it takes, and far below what it would take if each step looked at every piece.
const NO_TIME: Duration = Duration::from_secs(15);

fn small_files(count: u64) -> Plan {
    Plan::new(Arc::new(Layout::of((0..count).map(|n| n % 16_384 + 1))), 7)
}

fn fetch_piece_by_piece(plan: &mut Plan, sources: &[SourceId]) -> Duration {
    let began = Instant::now();
    let mut asked = 0;
    while !plan.is_complete() {
        for source in sources {
            let Some(task) = plan.take(*source, 1) else { continue };
            task.run.range().for_each(|piece| plan.verified(piece));
            plan.end(*source, task);
            asked += 1;
        }
    }
    assert_eq!(asked, plan.layout().pieces());
    began.elapsed()
}

#[test]
fn a_hundred_thousand_pieces_take_no_time_each() {
    let mut alone = small_files(100_000);
    alone.join(A);
    alone.has(A, Has::All, None);
    let mut several = small_files(100_000);
    for source in [A, B] {
        several.join(source);
        several.has(source, Has::All, Some(&[0x5a; 12_500]));
    }
    let alone = fetch_piece_by_piece(&mut alone, &[A]);
    let several = fetch_piece_by_piece(&mut several, &[A, B]);
    assert!(alone < NO_TIME && several < NO_TIME, "{alone:?} {several:?}");
}

#[test]
fn growing_sources_take_no_time_each() {
    let mut plan = small_files(100_000);
    let sources: Vec<SourceId> = (0..8).map(SourceId).collect();
    for source in &sources {
        plan.join(*source);
    }
    let began = Instant::now();
    let mut asked = 0;
    for round in 1..=32 {
        for source in &sources {
            // Each has one byte of the map in 32 more, and others in another order.
            let grown = |byte: u32| (byte * 7 + source.0 * 13) % 32 < round;
            let map = (0..12_500).map(|byte| if grown(byte) { 0xff } else { 0 }).collect();
            plan.has(*source, Has::Map(map), None);
            for _ in 0..400 {
                let Some(task) = plan.take(*source, 1) else { break };
                task.run.range().for_each(|piece| plan.verified(piece));
                plan.end(*source, task);
                asked += 1;
            }
        }
    }
    assert_eq!((asked, plan.is_complete()), (100_000, true));
    assert!(began.elapsed() < NO_TIME, "{:?}", began.elapsed());
}
