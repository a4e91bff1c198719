use super::*;

#[tokio::test]
async fn a_service_that_answers_is_ready() {
    let subject = start(tiny("")).await.unwrap();
    assert!(is_well(&subject).await);
    assert!(subject.addr().ip().is_loopback());
}

#[tokio::test]
async fn a_service_that_ends_at_once_is_broken_and_its_last_words_are_quoted() {
    let broken = broken(start(tiny("ends")).await);
    let observed = observed(&broken);
    assert!(observed.contains("exit status: 7") && observed.contains("the moon is full"), "{observed}");
}

#[tokio::test]
async fn a_service_that_never_gets_ready_is_broken_and_is_gone() {
    for (vice, sign) in [("silent", "nothing listens at BIND_ADDR"), ("unready", "answered 503")] {
        let patience = Patience { ready: Duration::from_secs(1), ..Patience::default() };
        let marked = format!("{vice}-{}", std::process::id());
        let mut launch = tiny(vice);
        launch.environment.insert("MARK".into(), marked.clone());
        let broken = broken(Subject::start_within(patience, launch, Stderr::default()).await);
        assert!(observed(&broken).contains(sign), "{vice}: {}", observed(&broken));
        assert_eq!(marked_processes(&marked), 0, "{vice}");
    }
}

fn marked_processes(mark: &str) -> usize {
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read(entry.ok()?.path().join("environ")).ok());
    processes.filter(|environ| String::from_utf8_lossy(environ).contains(mark)).count()
}

#[tokio::test]
async fn a_file_that_cannot_be_run_is_a_fault_of_the_set_up_with_limits_or_without() {
    for nofile in [None, Some((64, 128))] {
        for binary in ["/nonexistent/service", "/etc/passwd", "/etc"] {
            let fault = fault(start(Launch { binary: binary.into(), nofile, ..tiny("") }).await);
            assert!(fault.what.contains(binary) && fault.mend.contains("execute"), "{nofile:?}: {fault}");
        }
    }
}

#[tokio::test]
async fn the_limits_of_open_descriptors_are_those_of_the_service_from_its_start() {
    let subject = start(Launch { nofile: Some((64, 128)), ..tiny("") }).await.unwrap();
    let limits = fs::read_to_string(format!("/proc/{}/limits", subject.id().unwrap())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let set: Vec<_> = line.split_whitespace().skip(3).take(2).collect();
    assert_eq!(set, ["64", "128"], "{line}");
}

#[tokio::test]
async fn limits_that_the_host_does_not_allow_are_a_fault_of_the_set_up() {
    // More than any kernel allows, for whomever: above fs.nr_open.
    let fault = fault(start(Launch { nofile: Some((64, 1 << 40)), ..tiny("") }).await);
    assert!(fault.what.contains("limit the service") && fault.cause.contains("ulimit"), "{fault}");
}

#[tokio::test]
async fn a_restart_keeps_the_address_and_another_holder_of_it_is_no_fault_of_the_service() {
    let subject = start(tiny("")).await.unwrap();
    let (addr, first) = (subject.addr(), subject.id());
    subject.restart().await.unwrap();
    assert_eq!(subject.addr(), addr);
    assert_ne!(subject.id(), first);
    assert!(is_well(&subject).await);

    subject.kill().await.unwrap();
    let holder = std::net::TcpListener::bind(addr).unwrap();
    let fault = fault(subject.restart().await);
    assert!(fault.mend.contains("another program holds the port"), "{fault}");
    drop(holder);
    subject.restart().await.unwrap();
}
