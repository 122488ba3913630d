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
            div class="scroll" { table class="list" {
                thead { tr { th { (t("sign-in.name")) } th { (t("users.role")) } th { (t("users.state")) } th { (t("users.since")) } th { (t("users.password")) } } }
                tbody { @for user in view.users { (user_line(frame, user)) } }
            } }
            h3 { (t("users.add")) }
            form class="filter" method="post" action="/users" {
                (frame.form_token())
                label { (t("sign-in.name")) input type="text" name="name" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="32" required; }
                label { (t("users.role")) (role_choice(frame.lang, Role::Viewer)) }
                label { (t("account.new")) input type="password" name="password" autocomplete="new-password" minlength="8" maxlength="128" required; }
                button type="submit" { (t("users.add")) }
            }
            p class="dim" { (t("account.rules")) }
        }
    }
}

fn user_line(frame: &PageFrame, user: &User) -> Markup {
    let t = |key: &str| frame.lang.text(key);
    let action = |what: &str| format!("/users/{}/{what}", user.name);
    html! {
        tr {
            td { b { (user.name) } }
            td { form class="inline" method="post" action=(action("role")) {
                (frame.form_token())
                (role_choice(frame.lang, user.role))
                button class="quiet" type="submit" { (t("users.set-role")) }
            } }
            td { form class="inline" method="post" action=(action("state")) {
                (frame.form_token())
                span class=[user.disabled.then_some("dim")] { (t(if user.disabled { "users.disabled" } else { "users.enabled" })) }
                input type="hidden" name="disabled" value=(!user.disabled);
                button class="quiet" type="submit" { (t(if user.disabled { "users.enable" } else { "users.disable" })) }
            } }
            td class="num" { (utc(user.created_at_us)) }
            td { form class="inline" method="post" action=(action("password")) {
                (frame.form_token())
                input type="password" name="password" autocomplete="new-password" minlength="8" maxlength="128" aria-label=(t("account.new")) placeholder=(t("account.new")) required;
                button class="quiet" type="submit" { (t("users.set-password")) }
            } }
        }
    }
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
            @if !view.tokens.is_empty() { div class="scroll" { table class="list" {
                thead { tr { th { (t("tokens.name")) } th { (t("users.role")) } th { (t("tokens.by")) } th { (t("tokens.created")) } th { (t("tokens.expires")) } th { (t("users.state")) } th { (t("tokens.id")) } } }
                tbody { @for token in view.tokens { (token_line(frame, token, view.now_us)) } }
            } } }
            h3 { (t("tokens.add")) }
            form class="filter" method="post" action="/tokens" {
                (frame.form_token())
                label { (t("tokens.name")) input type="text" name="name" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="32" required; }
                label { (t("users.role")) (role_choice(frame.lang, Role::Operator)) }
                label { (t("tokens.days")) input type="number" name="days" value=(DEFAULT_TOKEN_DAYS) min="1" max=(MAX_TOKEN_DAYS) required; }
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
            td class="num" { (utc(token.created_at_us)) }
            td class="num" { (utc(token.expires_at_us)) }
            td {
                @if state == "tokens.valid" {
                    form class="inline" method="post" action={ "/tokens/" (token.id) "/revoke" } {
                        (frame.form_token())
                        span { (t(state)) }
                        button class="quiet" type="submit" { (t("tokens.revoke")) }
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
