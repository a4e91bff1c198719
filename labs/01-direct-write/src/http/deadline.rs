//! Every request has its answer in time, whatever keeps its handler.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use tokio::time::timeout;

use super::Error;
use crate::budget::Budget;

/// Middleware: answers 503 when the request has no answer in time. The handler is dropped, wherever it
/// waits.
// ANCHOR: deadline
pub(super) async fn answer_in_time(
    State(budget): State<Budget>,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    timeout(budget.answer(), next.run(request)).await.map_err(|_| Error::Unavailable)
}
// ANCHOR_END: deadline
