//! What people and attackers do, step by step.

mod foreign;
mod headers;
mod keyboard;
mod pages;
mod session;
mod stand_in;

use anyhow::Result;

use crate::stage::Stage;

/// Plays on a stage of its own. All pages that it opens must stay quiet, unless it takes their
/// complaints.
pub(crate) type Flow = fn(&Stage) -> Result<()>;

/// Each is played with every example.
pub(crate) const FLOWS: &[(&str, Flow)] = &[
    ("sign-in-leads-back", session::sign_in_leads_back),
    (
        "an-open-task-keeps-the-door-closed",
        session::an_open_task_keeps_the_door_closed,
    ),
    ("a-role-opens-the-door", session::a_role_opens_the_door),
    (
        "sign-out-closes-the-door",
        session::sign_out_closes_the_door,
    ),
    (
        "an-expired-token-is-replaced",
        session::an_expired_token_is_replaced,
    ),
    ("a-neighbour-cannot-act", foreign::a_neighbour_cannot_act),
    (
        "another-site-has-no-cookie",
        foreign::another_site_has_no_cookie,
    ),
    (
        "another-site-with-the-cookie-cannot-act",
        foreign::another_site_with_the_cookie_cannot_act,
    ),
    (
        "a-link-from-elsewhere-works",
        foreign::a_link_from_elsewhere_works,
    ),
    ("frames-stay-empty", foreign::frames_stay_empty),
    (
        "injected-scripts-do-not-run",
        foreign::injected_scripts_do_not_run,
    ),
    (
        "headers-are-on-every-answer",
        headers::headers_are_on_every_answer,
    ),
    ("the-keyboard-is-enough", keyboard::the_keyboard_is_enough),
    ("every-page-reads-well", pages::every_page_reads_well),
    ("a-factor-is-asked-for", stand_in::a_factor_is_asked_for),
    (
        "a-factor-that-is-not-there",
        stand_in::a_factor_that_is_not_there,
    ),
    (
        "sign-out-everywhere-reaches-other-browsers",
        stand_in::sign_out_everywhere_reaches_other_browsers,
    ),
    (
        "whoever-acts-in-anothers-place-may-look-only",
        stand_in::whoever_acts_in_anothers_place_may_look_only,
    ),
    (
        "the-inspector-makes-things-happen",
        stand_in::the_inspector_makes_things_happen,
    ),
];
