//! The account routes: read, ask [`crate::auth`], tell the hub, answer.

use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use landline_net::{Peer, empty, json, read_json};
use landline_protocol::account::{Refresh, SignIn, SignUp};
use landline_protocol::{DeviceId, limits};
use serde::de::DeserializeOwned;

use super::{Answer, authorized};
use crate::auth::{RefreshOutcome, device_name};
use crate::state::App;

async fn body<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, landline_protocol::WireError> {
    read_json(request.into_body(), limits::ACCOUNT_BODY_BYTES).await
}

pub(super) async fn sign_up(app: &App, peer: &Peer, device: DeviceId, request: Request<Incoming>) -> Answer {
    let ask: SignUp = body(request).await?;
    let name = device_name(&ask.device_name);
    let session = app.auth.sign_up(peer.remote.ip(), device, ask).await?;
    app.settle();
    app.hub.add_person(&session.user, device, &name);
    Ok(json(StatusCode::OK, &session))
}

pub(super) async fn sign_in(app: &App, peer: &Peer, device: DeviceId, request: Request<Incoming>) -> Answer {
    let ask: SignIn = body(request).await?;
    let name = device_name(&ask.device_name);
    let session = app.auth.sign_in(peer.remote.ip(), device, ask).await?;
    app.hub.add_person(&session.user, device, &name);
    Ok(json(StatusCode::OK, &session))
}

pub(super) async fn refresh(app: &App, device: DeviceId, request: Request<Incoming>) -> Answer {
    let ask: Refresh = body(request).await?;
    match app.auth.refresh(device, &ask.refresh_token).await? {
        RefreshOutcome::Renewed(session) => Ok(json(StatusCode::OK, &*session)),
        RefreshOutcome::Over(ended, refusal) => {
            if let Some(ended) = ended {
                app.end(ended);
            }
            Err(refusal)
        }
    }
}

pub(super) async fn sign_out(app: &App, device: DeviceId, request: Request<Incoming>) -> Answer {
    let ask: Refresh = body(request).await?;
    if let Some(ended) = app.auth.sign_out(device, &ask.refresh_token).await? {
        app.end(ended);
    }
    let mut response = Response::new(empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

pub(super) async fn invite(app: &App, device: DeviceId, request: Request<Incoming>) -> Answer {
    let who = authorized(app, device, &request).await?;
    let invite = app.auth.invite_by(&who).await?;
    Ok(json(StatusCode::OK, &invite))
}
