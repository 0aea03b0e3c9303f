//! The HTTP routes: one table, one form of refusal.

mod accounts;
mod front;
mod session;

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use landline_net::{Body, Peer, bearer, error, json};
use landline_protocol::account::{self, Health};
use landline_protocol::{DeviceId, ErrorCode, WireError};

use crate::auth::Authorized;
use crate::state::App;

/// What a route answers, or why it does not.
type Answer = Result<Response<Body>, WireError>;

/// Answers one request.
pub(crate) async fn handle(app: Arc<App>, peer: Peer, request: Request<Incoming>) -> Response<Body> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let remote = peer.remote;
    let answer = route(app, peer, request).await;
    let response = answer.unwrap_or_else(|refusal| error(&refusal));
    tracing::debug!(%remote, %method, path, status = response.status().as_u16(), "answered");
    response
}

/// Routes that need no certificate first; all others have the device that shows one.
async fn route(app: Arc<App>, peer: Peer, request: Request<Incoming>) -> Answer {
    let path = request.uri().path().to_owned();
    match path.as_str() {
        "/" => return expect(&request, &Method::GET).map(|()| front::page()),
        account::HEALTH => {
            expect(&request, &Method::GET)?;
            return Ok(health(&app).await);
        }
        _ => {}
    }
    let wanted = match path.as_str() {
        account::KEYS | account::SESSION => Method::GET,
        account::SIGN_UP | account::SIGN_IN | account::REFRESH | account::SIGN_OUT | account::INVITES => {
            Method::POST
        }
        _ => {
            return Err(WireError::new(ErrorCode::NotFound, "there is nothing at this address"));
        }
    };
    expect(&request, &wanted)?;
    let device = peer.device.ok_or_else(no_certificate)?;
    match path.as_str() {
        account::KEYS => Ok(json(StatusCode::OK, &app.auth.key_set())),
        account::SESSION => session::open(app, peer, device, request).await,
        account::SIGN_UP => accounts::sign_up(&app, &peer, device, request).await,
        account::SIGN_IN => accounts::sign_in(&app, &peer, device, request).await,
        account::REFRESH => accounts::refresh(&app, device, request).await,
        account::SIGN_OUT => accounts::sign_out(&app, device, request).await,
        _ => accounts::invite(&app, device, request).await,
    }
}

fn expect(request: &Request<Incoming>, method: &Method) -> Result<(), WireError> {
    let head = *method == Method::GET && request.method() == Method::HEAD;
    if request.method() == method || head {
        return Ok(());
    }
    Err(WireError::new(ErrorCode::BadRequest, format!("this address is for {method} requests")))
}

/// Whom the request's access token stands for.
async fn authorized(
    app: &App,
    device: DeviceId,
    request: &Request<Incoming>,
) -> Result<Authorized, WireError> {
    let token = bearer(request.headers()).ok_or_else(|| {
        WireError::new(ErrorCode::Unauthenticated, "an access token is needed here: sign in first")
    })?;
    app.auth.authorize(token, device).await
}

fn no_certificate() -> WireError {
    WireError::new(
        ErrorCode::Unauthenticated,
        "this address needs the certificate of a device: use the Landline app",
    )
}

async fn health(app: &App) -> Response<Body> {
    if app.store.is_full() {
        app.store.probe().await;
    }
    let (code, status) = if app.hub.is_closing() {
        (StatusCode::SERVICE_UNAVAILABLE, "shutting_down")
    } else if app.store.has_failed() {
        (StatusCode::INTERNAL_SERVER_ERROR, "storage_failed")
    } else if app.store.is_full() {
        (StatusCode::INSUFFICIENT_STORAGE, "storage_full")
    } else {
        (StatusCode::OK, "ok")
    };
    json(code, &Health { status: status.into(), version: env!("CARGO_PKG_VERSION").into() })
}
