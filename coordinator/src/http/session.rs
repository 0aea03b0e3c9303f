//! `/v1/session`: who asks is checked before anything is upgraded.

use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;
use landline_net::{Peer, upgrade};
use landline_protocol::DeviceId;
use tracing::Instrument;

use super::{Answer, authorized};
use crate::hub::connection;
use crate::state::App;

pub(super) async fn open(
    app: Arc<App>,
    peer: Peer,
    device: DeviceId,
    mut request: Request<Incoming>,
) -> Answer {
    if app.hub.is_closing() {
        return Err(crate::store::StoreError::Closed.to_wire());
    }
    let who = authorized(&app, device, &request).await?;
    match upgrade(&mut request) {
        Ok((response, pending)) => {
            let span = tracing::info_span!("session", remote = %peer.remote);
            let session = connection::run(app.clone(), who, peer, pending).instrument(span);
            // A task of its own: the socket begins only after this response is sent.
            app.sessions.spawn(session);
            Ok(response)
        }
        Err(refusal) => Ok(refusal),
    }
}
