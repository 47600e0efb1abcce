//! What Clerk's webhooks say of sessions, users and memberships that have ended.

use serde::Deserialize;

use super::{FOR_EVER, Revocations, Subject};
use crate::time::UnixTime;
use crate::webhook::{Delivery, Event, EventError, StoreError};

/// Why a delivery was not learnt from.
#[derive(Debug)]
pub(crate) enum LearnError {
    /// It says that something has ended, and not what.
    Event(EventError),
    /// It could not be recorded.
    Store(StoreError),
}

impl Revocations {
    /// Revokes what the delivery says has ended. A second time changes nothing.
    pub(crate) async fn learn(&self, delivery: &Delivery, now: UnixTime) -> Result<(), LearnError> {
        // What is no event of Clerk's is for the handler to judge.
        let Ok(event) = Event::parse(delivery.body()) else {
            return Ok(());
        };
        let happened = happened(&event, delivery, now);
        let Some((subject, cutoff)) = ended(&event, happened).map_err(LearnError::Event)? else {
            return Ok(());
        };
        let revocation = self.entry(subject, cutoff, now);
        self.add(vec![revocation], now)
            .await
            .map_err(LearnError::Store)
    }
}

/// When it happened, by Clerk's clock, which may go before ours, though not by much.
fn happened(event: &Event, delivery: &Delivery, now: UnixTime) -> UnixTime {
    let stated = event.timestamp().map(|milliseconds| milliseconds / 1000);
    let stated = stated.map_or_else(|| delivery.timestamp(), UnixTime::from_secs);
    stated.min(now.saturating_add(MAX_AHEAD))
}

/// Whose tokens, and those issued until when. `None` for events that end nothing.
fn ended(event: &Event, happened: UnixTime) -> Result<Option<(Subject, UnixTime)>, EventError> {
    Ok(Some(match event.kind() {
        "session.ended" | "session.removed" | "session.revoked" => {
            (Subject::Session(event.data::<Named>()?.id), FOR_EVER)
        }
        "user.deleted" => (Subject::User(event.data::<Named>()?.id), FOR_EVER),
        "user.updated" => {
            let user: User = event.data()?;
            if user.banned != Some(true) {
                return Ok(None);
            }
            (Subject::User(user.id), happened)
        }
        "organization.deleted" => (Subject::Organization(event.data::<Named>()?.id), FOR_EVER),
        "organizationMembership.deleted" => {
            let membership: Membership = event.data()?;
            let subject = Subject::Membership {
                user: membership.public_user_data.user_id,
                organization: membership.organization.id,
            };
            (subject, happened)
        }
        "organizationMembership.updated" => {
            let membership: Membership = event.data()?;
            let subject = Subject::Role {
                user: membership.public_user_data.user_id,
                organization: membership.organization.id,
                // Without one no role is spared.
                role: membership.role.unwrap_or_default(),
            };
            (subject, happened)
        }
        _ => return Ok(None),
    }))
}

// Less than the typed events demand: no other change of their shape may keep a session alive.

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct User {
    id: String,
    banned: Option<bool>,
}

#[derive(Deserialize)]
struct Membership {
    organization: Named,
    public_user_data: Member,
    role: Option<String>,
}

#[derive(Deserialize)]
struct Member {
    user_id: String,
}

/// Seconds that Clerk's clock may go before ours.
const MAX_AHEAD: i64 = 60;
