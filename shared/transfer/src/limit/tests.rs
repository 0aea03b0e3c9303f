//! Limits in time, with a clock that a test owns.

use super::*;

fn user(name: &str) -> UserName {
    name.parse().unwrap()
}

/// How long it takes to take so much in steps.
async fn taking(throttle: &Throttle, bytes: usize, step: usize) -> Duration {
    let began = Instant::now();
    for _ in 0..bytes / step {
        throttle.take(step).await;
    }
    began.elapsed()
}

fn close(took: Duration, seconds: f64) {
    let (least, most) = (seconds * 0.95 - 0.05, seconds * 1.05);
    assert!((least..=most).contains(&took.as_secs_f64()), "{took:?} instead of {seconds} s");
}

#[tokio::test(start_paused = true)]
async fn everyone_together_and_each_person_are_limited() {
    let rates = Rates::new();
    let (alice, bob) = (rates.of(&user("alice")), rates.of(&user("BOB")));
    assert!(!alice.is_limited());
    close(taking(&alice, 1_000_000_000, 1_000_000).await, 0.0);
    rates.set(Some(1_000_000), HashMap::from([(user("bob"), 50_000)]));
    assert_eq!((alice.rate(), bob.rate()), (Some(1_000_000), Some(50_000)));
    close(taking(&alice, 10_000_000, 25_000).await, 10.0);
    close(taking(&bob, 500_000, 1_250).await, 10.0);
    let together = async { tokio::join!(taking(&alice, 9_500_000, 25_000), taking(&bob, 500_000, 1_250)) };
    let (one, other) = together.await;
    close(one, 10.0);
    close(other, 10.0);
}

#[tokio::test(start_paused = true)]
async fn a_change_wakes_whoever_waits() {
    let rates = Rates::new();
    let throttle = rates.of(&user("alice"));
    rates.set(Some(1), HashMap::new());
    throttle.take(1_000_000).await;
    let waiting = tokio::spawn({
        let throttle = throttle.clone();
        async move { taking(&throttle, 1, 1).await }
    });
    tokio::time::sleep(Duration::from_secs(5)).await;
    rates.set(None, HashMap::new());
    close(waiting.await.unwrap(), 5.0);
    assert!(!throttle.is_limited());
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_up_has_taken_nothing() {
    let rates = Rates::new();
    let throttle = rates.of(&user("alice"));
    rates.set(Some(1_000), HashMap::new());
    throttle.take(1_000).await;
    let given_up = tokio::time::timeout(Duration::from_millis(100), throttle.take(1_000_000_000)).await;
    assert!(given_up.is_err());
    close(taking(&throttle, 1_000, 1_000).await, 0.9);
}

#[test]
fn frames_are_small_where_there_is_a_limit() {
    let rates = Rates::new();
    let throttle = rates.of(&user("alice"));
    assert_eq!(throttle.frame(512), 512);
    rates.set(Some(4_000_000), HashMap::new());
    assert_eq!(throttle.frame(1 << 20), 100_000);
    assert_eq!(throttle.frame(512), 512);
    rates.set(Some(1), HashMap::new());
    assert_eq!(throttle.frame(1 << 20), 1_024);
}
