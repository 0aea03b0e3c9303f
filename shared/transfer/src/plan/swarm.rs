//! A small world of links in which real plans fetch from each other, step by step and with no clock:
//! what a plan is good for shows only in how a whole swarm ends.

use std::sync::Arc;

use landline_protocol::limits::PIECE_BYTES;

use super::{Has, Plan, SourceId, Task};
use crate::layout::Layout;

/// What a link carries in a step; 25 MB/s, were a step 4 ms long.
const LINK: u64 = 100_000;
/// Steps between two answers of what somebody has; 300 ms likewise.
const REFRESH: u64 = 75;
/// Steps for which a source is asked at a time, at the rate it had.
const AHEAD: u64 = 75;
const PIECES: usize = 512;

/// Somebody with a link, who has everything or fetches it.
struct Node {
    /// Bytes that it sends, and receives, in a step at most.
    up: u64,
    down: u64,
    /// From this step on it sends nothing, and nobody is told.
    dies: u64,
    plan: Option<Plan>,
    given: Vec<bool>,
    sent: u64,
    /// When it had everything.
    done: Option<u64>,
}

impl Node {
    fn new(up: u64, down: u64) -> Self {
        Self { up, down, dies: u64::MAX, plan: None, given: vec![false; PIECES], sent: 0, done: None }
    }

    fn answer(&self) -> (Has, Vec<u8>) {
        let byte = |eight: &[bool]| (0..eight.len()).fold(0, |all, bit| all | u8::from(eight[bit]) << bit);
        let given = self.given.chunks(8).map(byte).collect();
        (self.plan.as_ref().map_or(Has::All, |plan| Has::Map(plan.bitmap())), given)
    }
}

/// One connection of somebody who fetches.
struct Line {
    to: usize,
    from: usize,
    task: Option<Task>,
    /// The piece that comes, and how much of it came.
    piece: usize,
    got: u64,
    rate: u64,
}

struct World {
    nodes: Vec<Node>,
    lines: Vec<Line>,
    step: u64,
}

impl World {
    /// `complete` have everything, `fetching` fetch it from all others over one connection each.
    fn new(complete: Vec<Node>, fetching: Vec<Node>, seed: u64) -> Self {
        let layout = Arc::new(Layout::single(PIECES as u64 * PIECE_BYTES));
        let first = complete.len();
        let mut nodes = complete;
        nodes.extend(fetching);
        let mut lines = Vec::new();
        let count = nodes.len();
        for (to, node) in nodes.iter_mut().enumerate().skip(first) {
            let mut plan = Plan::new(Arc::clone(&layout), seed << 8 | to as u64);
            for from in (0..count).filter(|from| *from != to) {
                plan.join(source(from));
                lines.push(Line { to, from, task: None, piece: 0, got: 0, rate: LINK / count as u64 });
            }
            node.plan = Some(plan);
        }
        Self { nodes, lines, step: 0 }
    }

    /// Runs until all have everything; tells how many steps that took.
    fn run(&mut self) -> u64 {
        while self.nodes.iter().any(|node| node.plan.is_some() && node.done.is_none()) {
            assert!(self.step < 200_000, "the swarm stands still");
            if self.step.is_multiple_of(REFRESH) {
                self.tell();
            }
            for line in 0..self.lines.len() {
                self.ask(line);
            }
            for (line, bytes) in self.shares().into_iter().enumerate() {
                self.carry(line, bytes);
            }
            self.step += 1;
        }
        self.step
    }

    /// Everybody learns what everybody has.
    fn tell(&mut self) {
        let answers: Vec<(Has, Vec<u8>)> = self.nodes.iter().map(Node::answer).collect();
        for line in &self.lines {
            let (has, given) = answers[line.from].clone();
            let given = matches!(has, Has::All).then_some(given);
            let plan = self.nodes[line.to].plan.as_mut().unwrap();
            plan.has(source(line.from), has, given.as_deref());
        }
    }

    /// A connection that has nothing to do takes something up; what somebody else brought it drops.
    fn ask(&mut self, line: usize) {
        let line = &mut self.lines[line];
        let plan = self.nodes[line.to].plan.as_mut().unwrap();
        if let Some(task) = line.task.filter(|task| plan.is_run_here(task.run)) {
            plan.end(source(line.from), task);
            line.task = None;
        }
        if line.task.is_none() {
            line.task = plan.take(source(line.from), line.rate * AHEAD);
            let run = line.task.map(|task| task.run);
            (line.piece, line.got) = (run.map_or(0, |run| run.first), 0);
            run.into_iter()
                .flat_map(super::Run::range)
                .for_each(|piece| self.nodes[line.from].given[piece] = true);
        }
    }

    /// What each connection carries in this step: links are shared fairly, and what one connection
    /// cannot use the others have.
    fn shares(&self) -> Vec<u64> {
        let mut up: Vec<u64> =
            self.nodes.iter().map(|node| if self.step < node.dies { node.up } else { 0 }).collect();
        let mut down: Vec<u64> = self.nodes.iter().map(|node| node.down).collect();
        let mut shares = vec![0; self.lines.len()];
        let mut open: Vec<usize> =
            (0..self.lines.len()).filter(|line| self.lines[*line].task.is_some()).collect();
        while !open.is_empty() {
            let users = |end: fn(&Line) -> usize, node| {
                open.iter().filter(|line| end(&self.lines[**line]) == node).count() as u64
            };
            let ups: Vec<u64> =
                (0..up.len()).map(|node| up[node] / users(|line| line.from, node).max(1)).collect();
            let downs: Vec<u64> =
                (0..up.len()).map(|node| down[node] / users(|line| line.to, node).max(1)).collect();
            let fair = |line: usize| ups[self.lines[line].from].min(downs[self.lines[line].to]);
            let least = open.iter().map(|line| fair(*line)).min().unwrap_or(0);
            let (full, rest): (Vec<usize>, Vec<usize>) = open.iter().partition(|line| fair(**line) == least);
            for line in full {
                shares[line] = least;
                up[self.lines[line].from] -= least;
                down[self.lines[line].to] -= least;
            }
            open = rest;
        }
        shares
    }

    fn carry(&mut self, line: usize, bytes: u64) {
        let line = &mut self.lines[line];
        let Some(task) = line.task else { return };
        self.nodes[line.from].sent += bytes;
        line.got += bytes;
        line.rate = (line.rate * 15 + bytes) / 16;
        let node = &mut self.nodes[line.to];
        let plan = node.plan.as_mut().unwrap();
        while line.got >= PIECE_BYTES && line.piece < task.run.range().end {
            plan.verified(line.piece);
            (line.piece, line.got) = (line.piece + 1, line.got - PIECE_BYTES);
        }
        if plan.is_complete() && node.done.is_none() {
            node.done = Some(self.step);
        }
    }

    fn copies_sent_by(&self, node: usize) -> f64 {
        self.nodes[node].sent as f64 / (PIECES as f64 * PIECE_BYTES as f64)
    }
}

fn source(node: usize) -> SourceId {
    SourceId(u32::try_from(node).unwrap())
}

/// Steps for everything over so much of one link.
fn alone(bytes_a_step: u64) -> f64 {
    PIECES as f64 * PIECE_BYTES as f64 / bytes_a_step as f64
}

fn links(count: usize) -> Vec<Node> {
    (0..count).map(|_| Node::new(LINK, LINK)).collect()
}

#[test]
fn eight_are_served_in_the_time_of_one_with_one_upload() {
    for seed in 0..4 {
        let mut world = World::new(links(1), links(8), seed);
        let times = world.run() as f64 / alone(LINK);
        let copies = world.copies_sent_by(0);
        assert!(
            times <= 1.15 && copies <= 1.1,
            "{times:.3} times one link, {copies:.3} copies from the seeder"
        );
    }
}

/// Three have everything; whoever fetches could take it all at once.
fn three_to_one(change: impl FnOnce(&mut Node)) -> (u64, World) {
    let mut complete = links(3);
    change(&mut complete[1]);
    let mut world = World::new(complete, vec![Node::new(LINK, 8 * LINK)], 1);
    (world.run(), world)
}

#[test]
fn three_sources_are_three_times_as_fast() {
    let (steps, world) = three_to_one(|_| ());
    let times = steps as f64 / alone(3 * LINK);
    let copies: f64 = (0..3).map(|node| world.copies_sent_by(node)).sum();
    assert!(times <= 1.05 && copies <= 1.02, "{times:.3} times three links, {copies:.3} copies sent");
}

#[test]
fn a_source_of_a_twentieth_of_the_rate_does_not_hold_the_end() {
    let (steps, _) = three_to_one(|slow| slow.up = LINK / 20);
    let times = steps as f64 / alone(2 * LINK + LINK / 20);
    assert!(times <= 1.03, "{times:.3} times what the links carry");
}

#[test]
fn a_source_that_stops_answering_does_not_hold_the_end() {
    let dies = PIECES as u64 * PIECE_BYTES / (3 * LINK) / 2;
    let (steps, _) = three_to_one(|dying| dying.dies = dies);
    let times = steps as f64 / (dies as f64 + alone(2 * LINK) / 2.0);
    assert!(times <= 1.03, "{times:.3} times what the links carry");
}
