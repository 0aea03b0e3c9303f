//! Envelopes signed and opened: the one place where a body gets its author.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use landline_protocol::envelope::EnvelopeError;
use landline_protocol::{DeviceId, Envelope, EnvelopeHead, Signed};

use crate::device::{DeviceKey, device_id};

/// An envelope that is not to be believed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not an envelope this version reads.
    #[error(transparent)]
    Unreadable(#[from] EnvelopeError),
    /// It came with a key that is not the named author's.
    #[error("the message names {named} as its author but came with the key of {came}")]
    NotTheAuthor {
        /// The device in the envelope.
        named: DeviceId,
        /// The device whose key came along.
        came: DeviceId,
    },
    /// The bytes are not what was signed.
    #[error("the signature of the message does not match: it was altered or forged")]
    Forged,
}

/// Serialises and signs. Done once in an envelope's life; from then on the bytes are the message.
pub fn seal(key: &DeviceKey, envelope: &Envelope) -> Signed {
    let text = envelope.to_json();
    let signature = key.sign(&Signed::signing_bytes(&text));
    Signed { envelope: text, key: key.public(), signature }
}

/// Reads an envelope whose author and bytes are proven.
pub fn open(signed: &Signed) -> Result<Envelope, OpenError> {
    let envelope = signed.parse()?;
    prove(signed, envelope.author.device)?;
    Ok(envelope)
}

/// The same without looking into the body, for whoever only carries it.
pub fn open_head(signed: &Signed) -> Result<EnvelopeHead, OpenError> {
    let head = signed.parse_head()?;
    prove(signed, head.author.device)?;
    Ok(head)
}

fn prove(signed: &Signed, named: DeviceId) -> Result<(), OpenError> {
    let came = device_id(&signed.key);
    if came != named {
        return Err(OpenError::NotTheAuthor { named, came });
    }
    UnparsedPublicKey::new(&ED25519, signed.key.as_bytes())
        .verify(&Signed::signing_bytes(&signed.envelope), signed.signature.as_bytes())
        .map_err(|_| OpenError::Forged)
}
