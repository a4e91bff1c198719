use super::*;

const NOW: Duration = Duration::ZERO;

fn accepted(board: &mut Board, n: usize) {
    let sample = Sample { outcome: Outcome::Accepted, sent: Some(NOW), ..board.unsent(n, NOW) };
    board.end(sample);
}

#[test]
fn a_request_given_to_a_closed_connection_goes_to_another() {
    let mut board = Board::new([NOW; 2].into(), 0, 1);
    assert_eq!(board.dispatch(NOW).open, [(0, 0)]);
    accepted(&mut board, 0);
    assert_eq!(board.next_or_idle(0, NOW), Some(1));
    board.give_back(1);
    board.leave(0);
    assert!(board.has_due(NOW));
    assert_eq!(board.dispatch(NOW).open, [(0, 1)]);
    accepted(&mut board, 1);
    assert!(board.over());
}

#[test]
fn a_connection_that_closes_before_it_begins_gives_its_request_back() {
    let later = Duration::from_millis(1);
    let mut board = Board::new([NOW, later].into(), 0, 1);
    assert_eq!(board.dispatch(NOW).open, [(0, 0)]);
    accepted(&mut board, 0);
    assert_eq!(board.next_or_idle(0, NOW), None);
    assert_eq!(board.dispatch(later).open, []);
    assert_eq!(board.counts().in_flight, 1);
    board.leave(0);
    assert_eq!(board.counts().in_flight, 0);
    assert_eq!(board.dispatch(later).open, [(0, 1)]);
}

#[test]
fn a_late_driver_does_not_make_a_request_wait_for_a_connection() {
    let mut board = Board::new([NOW; 2].into(), 0, 1);
    let late = 4 * GRACE;
    assert_eq!(board.dispatch(late).open, [(0, 0)]);
    assert!(board.dispatch(late + GRACE).waiting);
    assert_eq!(board.counts().unsent, 0);
    board.dispatch(late + 2 * GRACE);
    assert_eq!(board.counts().unsent, 1);
}

#[test]
fn clients_open_a_connection_each_and_then_take_turns() {
    let millis = Duration::from_millis;
    let mut board = Board::new((0..5).map(millis).collect(), 2, 9);
    let one = |board: &mut Board, n: usize| {
        let open = board.dispatch(millis(n as u64)).open;
        accepted(board, n);
        open
    };
    for client in 0..2 {
        assert_eq!(one(&mut board, client), [(client, client)], "a client that is not there yet");
        assert_eq!(board.next_or_idle(client, millis(client as u64)), None);
    }
    for (n, client) in [(2, 0), (3, 1), (4, 0)] {
        assert_eq!(one(&mut board, n), []);
        assert_eq!(board.assigned(client, Waker::noop()), Some(n), "whoever has rested longest");
        assert_eq!(board.next_or_idle(client, millis(n as u64)), None);
    }
}
