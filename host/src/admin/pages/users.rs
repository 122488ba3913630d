use super::layout::{PageFrame, role_word, utc};
use super::sign_in::wrong;
use crate::access::{MAX_TOKEN_DAYS, NewTokenText, Role, Token, User};
use crate::admin::i18n::Lang;
use maud::{Markup, html};

/// Days that a new token is valid, where nothing else is said.
const DEFAULT_TOKEN_DAYS: u32 = 365;

pub struct UsersView<'v> {
    /// Without users the first one is made with the set-up secret.
    pub has_users: bool,
    pub users: &'v [User],
    /// Newest first.
    pub tokens: &'v [Token],
    pub now_us: i64,
    /// What was wrong with the last change.
    pub error: Option<&'v str>,
}

pub fn content(frame: &PageFrame, view: &UsersView<'_>) -> Markup {
    let t = |key: &str| frame.lang.text(key);
    html! {
        h1 { (t("users.title")) }
        (wrong(view.error))
        @if view.has_users {
            div class="stack" { (users(frame, view)) (tokens(frame, view)) }
        } @else {
            section class="panel empty" {
                b { (t("users.none")) }
                p class="dim" { (t("users.none-hint")) }
                p { a class="button" href="/setup" { (t("open.set-up")) } }
            }
        }
    }
}

fn users(frame: &PageFrame, view: &UsersView<'_>) -> Markup {
    let t = |key: &str| frame.lang.text(key);
    html! {
        section class="panel" {
            h2 { (t("users.users")) }
            div class="scroll" { table class="list tight" {
                thead { tr { th { (t("sign-in.name")) } th { (t("users.role")) } th { (t("users.state")) } th { (t("users.since")) } th { } } }
                tbody { @for user in view.users { (user_line(frame, user)) } }
            } }
            h3 { (t("users.add")) }
            form class="filter" method="post" action="/users" {
                (frame.form_token())
                label { (t("sign-in.name")) input type="text" name="name" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="32" required; }
                label { (t("users.role")) (role_choice(frame.lang, Role::Viewer)) }
                label { (t("account.new")) input type="password" name="password" autocomplete="new-password" minlength="8" maxlength="128" required; }
                label { (t("audit.reason")) input type="text" name="reason" autocomplete="off" maxlength="200"; }
                button type="submit" { (t("users.add")) }
            }
            p class="dim" { (t("account.rules")) }
        }
    }
}

fn user_line(frame: &PageFrame, user: &User) -> Markup {
    let t = |key: &str| frame.lang.text(key);
    html! {
        tr {
            td { b { (user.name) } }
            td { (role_word(frame.lang, user.role)) }
            td class=[user.disabled.then_some("dim")] { (t(if user.disabled { "users.disabled" } else { "users.enabled" })) }
            td class="time" { (utc(user.created_at_us)) }
            td { details { summary { (t("users.change")) } (user_changes(frame, user)) } }
        }
    }
}

fn user_changes(frame: &PageFrame, user: &User) -> Markup {
    let t = |key: &str| frame.lang.text(key);
    let form = |what: &str, fields: Markup, key: &str| {
        html! {
            form class="inline" method="post" action={ "/users/" (user.name) "/" (what) } {
                (frame.form_token()) (fields) (reason(frame.lang)) button class="quiet" type="submit" { (t(key)) }
            }
        }
    };
    let new_password = html! {
        input type="password" name="password" autocomplete="new-password" minlength="8" maxlength="128" aria-label=(t("account.new")) placeholder=(t("account.new")) required;
    };
    let state = html! { input type="hidden" name="disabled" value=(!user.disabled); };
    html! {
        (form("role", role_choice(frame.lang, user.role), "users.set-role"))
        (form("password", new_password, "users.set-password"))
        (form("state", state, if user.disabled { "users.enable" } else { "users.disable" }))
    }
}

/// Why, for the audit log.
fn reason(lang: Lang) -> Markup {
    let text = lang.text("audit.reason");
    html! { input type="text" name="reason" autocomplete="off" maxlength="200" aria-label=(text) placeholder=(text); }
}

fn role_choice(lang: Lang, chosen: Role) -> Markup {
    html! {
        select name="role" aria-label=(lang.text("users.role")) {
            @for role in Role::ALL { option value=(role.name()) selected[role == chosen] { (role_word(lang, role)) } }
        }
    }
}

fn tokens(frame: &PageFrame, view: &UsersView<'_>) -> Markup {
    let t = |key: &str| frame.lang.text(key);
    html! {
        section class="panel" {
            h2 { (t("tokens.title")) }
            p class="dim" { (t("tokens.intro")) }
            @if !view.tokens.is_empty() { div class="scroll" { table class="list tight" {
                thead { tr { th { (t("tokens.name")) } th { (t("users.role")) } th { (t("tokens.by")) } th { (t("tokens.created")) } th { (t("tokens.expires")) } th { (t("users.state")) } th { (t("tokens.id")) } } }
                tbody { @for token in view.tokens { (token_line(frame, token, view.now_us)) } }
            } } }
            h3 { (t("tokens.add")) }
            form class="filter" method="post" action="/tokens" {
                (frame.form_token())
                label { (t("tokens.name")) input type="text" name="name" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="32" required; }
                label { (t("users.role")) (role_choice(frame.lang, Role::Operator)) }
                label { (t("tokens.days")) input type="number" name="days" value=(DEFAULT_TOKEN_DAYS) min="1" max=(MAX_TOKEN_DAYS) required; }
                label { (t("audit.reason")) input type="text" name="reason" autocomplete="off" maxlength="200"; }
                button type="submit" { (t("tokens.add")) }
            }
        }
    }
}

fn token_line(frame: &PageFrame, token: &Token, now_us: i64) -> Markup {
    let t = |key: &str| frame.lang.text(key);
    let state = match token.revoked_at_us {
        Some(_) => "tokens.revoked",
        None if token.expires_at_us <= now_us => "tokens.expired",
        None => "tokens.valid",
    };
    html! {
        tr {
            td { b { (token.name) } }
            td { (role_word(frame.lang, token.role)) }
            td { (token.created_by) }
            td class="time" { (utc(token.created_at_us)) }
            td class="time" { (utc(token.expires_at_us)) }
            td {
                @if state == "tokens.valid" {
                    details { summary { (t(state)) }
                        form class="inline" method="post" action={ "/tokens/" (token.id) "/revoke" } {
                            (frame.form_token()) (reason(frame.lang))
                            button class="quiet" type="submit" { (t("tokens.revoke")) }
                        }
                    }
                } @else { span class="dim" { (t(state)) } }
            }
            td class="mono" { (token.id) }
        }
    }
}

/// The new token: the only time that anybody sees it.
pub fn token_content(lang: Lang, made: &NewTokenText) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        section class="panel card" {
            h1 { (t("tokens.made")) }
            p { (t("tokens.once")) }
            p class="secret mono" id="token" { (made.text) }
            dl class="facts" {
                dt { (t("tokens.id")) } dd class="mono" { (made.id) }
                dt { (t("tokens.expires")) } dd { (utc(made.expires_at_us)) }
            }
            p { a class="button" href="/users" { (t("tokens.done")) } }
        }
    }
}
