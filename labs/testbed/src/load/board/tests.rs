use super::*;

const NOW: Duration = Duration::ZERO;

fn accepted(board: &mut Board, n: usize) {
    let sample = Sample { outcome: Outcome::Accepted, sent: Some(NOW), ..board.unsent(n, NOW) };
    board.end(sample);
}

#[test]
fn a_request_given_to_a_closed_connection_goes_to_another() {
    let mut board = Board::new([NOW; 2].into(), 1);
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
    let mut board = Board::new([NOW, later].into(), 1);
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
    let mut board = Board::new([NOW; 2].into(), 1);
    let late = 4 * GRACE;
    assert_eq!(board.dispatch(late).open, [(0, 0)]);
    assert!(board.dispatch(late + GRACE).waiting);
    assert_eq!(board.counts().unsent, 0);
    board.dispatch(late + 2 * GRACE);
    assert_eq!(board.counts().unsent, 1);
}
