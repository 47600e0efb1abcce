//! Webhook deliveries, signed by the `svix` crate as Clerk's sender signs them.

use clerk_gate_core::UnixTime;
use svix::webhooks::Webhook;

/// The webhook secret of tests, as the dashboard would show it: `whsec_` and 24 bytes in base64.
pub const WEBHOOK_SECRET: &str = "whsec_dGVzdC1vbmx5LXdlYmhvb2stc2VjcmV0";

/// The header lines of a delivery of `body` with the message id `id`, sent at the moment `at`
/// and signed with `secret`.
///
/// ```
/// use clerk_gate_testkit::{NOW, WEBHOOK_SECRET, sign_delivery};
///
/// let lines = sign_delivery(WEBHOOK_SECRET, "msg_1", NOW, b"{}");
/// assert_eq!(lines[0], ("svix-id", "msg_1".to_owned()));
/// assert!(lines[2].1.starts_with("v1,"));
/// ```
///
/// # Panics
/// If `secret` is not base64 behind `whsec_`.
pub fn sign_delivery(
    secret: &str,
    id: &str,
    at: UnixTime,
    body: &[u8],
) -> [(&'static str, String); 3] {
    let signature = Webhook::new(secret)
        .and_then(|webhook| webhook.sign(id, at.as_secs(), body))
        .expect("a secret in base64 and a body that svix can sign");
    [
        ("svix-id", id.to_owned()),
        ("svix-timestamp", at.as_secs().to_string()),
        ("svix-signature", signature),
    ]
}
