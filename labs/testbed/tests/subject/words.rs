use super::*;

#[tokio::test]
async fn a_hole_and_a_panic_are_heard_from_the_service_itself() {
    for vice in ["hole", "panics"] {
        let stderr = Stderr::default();
        let subject = Subject::start(tiny(vice), stderr.clone()).await.unwrap();
        broken(post(&subject).await);
        let heard = || if vice == "hole" { stderr.hole() } else { stderr.panic() };
        let (_, heard) = wait::until(LONG, async || heard()).await.unwrap();
        let (text, other) = match vice {
            "hole" => ("lab 00: keep the post", stderr.panic()),
            _ => ("the shelf is full", stderr.hole()),
        };
        assert_eq!(heard.text, text);
        let (file, line) = heard.at.rsplit_once(':').unwrap();
        assert!(file.ends_with("tests/tiny/service.rs") && line.parse::<u32>().is_ok(), "{}", heard.at);
        assert_eq!(other, None, "one is not the other");
    }
}

#[tokio::test]
async fn the_memory_of_children_counts() {
    let subject = start(tiny("family")).await.unwrap();
    let watch = subject.watch_memory().unwrap();
    let child = child(&subject).await;
    let held = 64 << 20;
    let grown = watch.until(LONG, |now| now >= watch.first() + held).await;
    assert!(grown.is_some(), "{} -> {}", watch.first(), watch.peak());
    assert!(runs(child) && watch.looks() > 1);
    let peak = watch.peak();
    assert!(peak < watch.first() + 2 * held, "{} -> {peak}: counted twice", watch.first());
}
