//! Answers requests for what is served: content, manifests, trees, and what there is of them.
//!
//! What is asked for is an id and an index, never a path. What does not exist and what is not for the
//! asker answer alike, to the byte.

use hyper::{Request, Response};
use landline_net::Body;
use tokio_util::sync::CancellationToken;

use crate::share::Shares;
pub use crate::upload::Asker;

/// Answers one request. Reads nothing of its body. `hangup` closes the connection that it came over:
/// it is cancelled when the response must end although the other side reads nothing.
pub async fn respond<B>(
    _shares: &Shares,
    _asker: &Asker,
    _hangup: &CancellationToken,
    _request: Request<B>,
) -> Response<Body> {
    todo!()
}
