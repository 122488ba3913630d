use super::layout::{PageFrame, role_word};
use crate::access::{AccessError, Actor, ActorKind};
use crate::admin::i18n::Lang;
use maud::{Markup, html};

/// The form for signing in.
pub struct SignInView<'v> {
    pub name: &'v str,
    /// Where to go afterwards.
    pub back: &'v str,
    /// Key of a text above the form.
    pub note: Option<&'static str>,
    pub error: Option<&'v AccessError>,
}

pub fn sign_in_content(lang: Lang, view: &SignInView<'_>) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        section class="panel card" {
            h1 { (t("sign-in.title")) }
            @if let Some(note) = view.note { p class="note" role="status" { (t(note)) } }
            (wrong(view.error.map(|error| access_text(lang, error))))
            form class="card" method="post" action="/login" {
                input type="hidden" name="back" value=(view.back);
                label { (t("sign-in.name"))
                    input type="text" name="name" value=(view.name) autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="32" required autofocus;
                }
                (password(lang, "password", "sign-in.password", "current-password"))
                button type="submit" { (t("sign-in.do")) }
            }
        }
    }
}

fn password(lang: Lang, name: &str, key: &str, autocomplete: &str) -> Markup {
    html! {
        label { (lang.text(key))
            input type="password" name=(name) autocomplete=(autocomplete) maxlength="128" required;
        }
    }
}

/// What was wrong with the last try.
pub fn wrong(text: Option<&str>) -> Markup {
    html! { @if let Some(text) = text { p class="wrong" role="alert" { (text) } } }
}

fn access_text(lang: Lang, error: &AccessError) -> &'static str {
    lang.text(&format!("access.{}", error.code()))
}

/// The form for the first admin.
#[derive(Default)]
pub struct SetUpView<'v> {
    pub name: &'v str,
    /// The password was not the same twice.
    pub differ: bool,
    pub error: Option<&'v AccessError>,
}

pub fn set_up_content(lang: Lang, view: &SetUpView<'_>) -> Markup {
    let t = |key: &str| lang.text(key);
    let differ = view.differ.then(|| t("access.passwords-differ"));
    html! {
        section class="panel card" {
            h1 { (t("set-up.title")) }
            p class="dim" { (t("set-up.intro")) }
            (wrong(differ.or_else(|| view.error.map(|error| access_text(lang, error)))))
            form class="card" method="post" action="/setup" {
                label { (t("set-up.secret"))
                    input class="mono" type="text" name="secret" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="64" placeholder="XXXX-XXXX-XXXX-XXXX" required autofocus;
                }
                label { (t("sign-in.name"))
                    input type="text" name="name" value=(view.name) autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="32" required;
                }
                (password(lang, "password", "account.new", "new-password"))
                (password(lang, "again", "account.again", "new-password"))
                p class="dim" { (t("account.rules")) }
                button type="submit" { (t("set-up.do")) }
            }
        }
    }
}

/// Who one is, and one's password.
pub fn account_content(frame: &PageFrame, actor: &Actor, error: Option<&str>) -> Markup {
    let t = |key: &str| frame.lang.text(key);
    html! {
        section class="panel card" {
            h1 { (t("account.title")) }
            dl class="facts" {
                dt { (t("sign-in.name")) } dd { (actor.name) }
                dt { (t("users.role")) } dd { (role_word(frame.lang, actor.role)) }
            }
            @if actor.kind == ActorKind::User {
                h2 { (t("account.password")) }
                (wrong(error))
                form class="card" method="post" action="/account/password" {
                    (frame.form_token())
                    (password(frame.lang, "present", "account.present", "current-password"))
                    (password(frame.lang, "password", "account.new", "new-password"))
                    (password(frame.lang, "again", "account.again", "new-password"))
                    p class="dim" { (t("account.rules")) }
                    button type="submit" { (t("account.do")) }
                }
            }
        }
    }
}
