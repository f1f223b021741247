//! The page on which people log in.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, FromRequest as _, Query, Request, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use super::gate::{Failed, Gate};
use crate::dashboard::App;
use crate::page::Page;
use crate::preferences::{Preferences, is_within};
use crate::refusal::{Format, Refusal};
use crate::text::{Text, texts};

texts! {
    log_in: "Sign in" | "로그인";
    password: "Password" | "비밀번호";
    one_token: "Token" | "토큰";
    one_token_hint: "It was printed where this server was started." | "이 서버를 시작한 터미널에 출력되었습니다.";
    wrong_password: "The name or the password is wrong." | "이름 또는 비밀번호가 올바르지 않습니다.";
    wrong_token: "That is not the token of this run." | "이번 실행의 토큰이 아닙니다.";
    too_often(seconds: u64): one "That failed too often. Try again in a second."
        other "That failed too often. Try again in {seconds} seconds."
        | "실패 횟수가 너무 많습니다. {seconds}초 후에 다시 시도하세요.";
    continue_to: "Continue" | "계속";
}

/// What is served beside the dashboard.
pub(super) fn doors(gate: &Arc<Gate>) -> Router<App> {
    let with = |gate: &Arc<Gate>| Doors(gate.clone());
    let (show, enter, leave) = (with(gate), with(gate), with(gate));
    Router::new()
        .route(
            "/login",
            get(move |app: State<App>, request: Request| async move { show.show(app.0, request).await })
                .post(move |app: State<App>, request: Request| async move {
                    enter.enter(app.0, request).await
                }),
        )
        .route("/logout", post(move |request: Request| async move { leave.leave(request).await }))
}

#[derive(Clone)]
struct Doors(Arc<Gate>);

#[derive(Default, Deserialize)]
struct Wanted {
    return_to: Option<String>,
}

#[derive(Deserialize)]
struct Login {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    return_to: Option<String>,
}

impl Doors {
    async fn show(self, app: App, request: Request) -> Response {
        let (parts, _) = request.into_parts();
        let wanted = Query::<Wanted>::try_from_uri(&parts.uri).unwrap_or_default().0;
        let wanted = self.wanted(wanted.return_to);
        if self.0.known(&parts).await.is_some() {
            return Redirect::to(&wanted).into_response();
        }
        // Who follows a link from another site brings no cookie that is for this site only. A page of
        // ours that leads here again does bring it.
        let is_foreign =
            parts.headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
        if is_foreign {
            let text = Text::from(Preferences::of(&parts).language);
            let body = html! {
                meta http-equiv="refresh" content="0";
                p { a.button.button-primary href=(self.login(&wanted)) { (text.continue_to()) } }
            };
            return Page::bare(&app, &parts, StatusCode::OK, &text.log_in(), &body).into_response();
        }
        self.form(&app, &parts, StatusCode::OK, "", &wanted, None)
    }

    async fn enter(self, app: App, request: Request) -> Response {
        let (mut parts, body) = request.into_parts();
        let form = Request::from_parts(parts.clone(), body);
        let Ok(Form(login)) = Form::<Login>::from_request(form, &()).await else {
            return Refusal::Invalid("the form is not what this page sends".to_owned()).bare(
                &app,
                &parts,
                Format::Html,
            );
        };
        let wanted = self.wanted(login.return_to);
        let name = login.name.trim();
        let failed = match self.0.log_in(&parts, name, &login.password).await {
            Ok(session) => {
                let mut response = Redirect::to(&wanted).into_response();
                set_cookie(&mut response, &self.0.ways.cookie.set(&session));
                return response;
            }
            Err(failed) => failed,
        };
        parts.headers.remove("x-fragment");
        let text = Text::from(Preferences::of(&parts).language);
        let (status, why) = match failed {
            Failed::Wrong if self.0.ways.users.is_some() => {
                (StatusCode::UNAUTHORIZED, text.wrong_password())
            }
            Failed::Wrong => (StatusCode::UNAUTHORIZED, text.wrong_token()),
            Failed::TooOften(wait) => {
                (StatusCode::TOO_MANY_REQUESTS, text.too_often(wait.as_secs() + 1))
            }
            Failed::Broken => return Refusal::Broken.bare(&app, &parts, Format::Html),
        };
        let mut response = self.form(&app, &parts, status, name, &wanted, Some(&why));
        if let Failed::TooOften(wait) = failed {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
        }
        response
    }

    async fn leave(self, request: Request) -> Response {
        let (parts, _) = request.into_parts();
        self.0.log_out(&parts).await;
        let mut response = Redirect::to(&format!("{}/login", self.0.ways.base)).into_response();
        set_cookie(&mut response, &self.0.ways.cookie.clear());
        response
    }

    /// The form. What was typed stays, but for the password.
    fn form(
        &self,
        app: &App,
        parts: &Parts,
        status: StatusCode,
        name: &str,
        wanted: &str,
        error: Option<&str>,
    ) -> Response {
        let text = Text::from(Preferences::of(parts).language);
        let has_users = self.0.ways.users.is_some();
        let problem = error.map(|_| "login-error");
        let body = html! {
            form.card.stack method="post" action={ (self.0.ways.base) "/login" } {
                h1 { (text.log_in()) }
                @if let Some(error) = error { p.error #login-error role="alert" { (error) } }
                input type="hidden" name="return_to" value=(wanted);
                @if has_users {
                    div.field {
                        label for="name" { (text.name()) }
                        input #name name="name" value=(name) required autofocus[name.is_empty()]
                            autocomplete="username" autocapitalize="none" spellcheck="false"
                            aria-invalid=[error.map(|_| "true")] aria-describedby=[problem];
                    }
                    (password(&text.password(), "current-password", !name.is_empty(), problem))
                } @else {
                    (password(&text.one_token(), "off", true, problem))
                    p.hint { (text.one_token_hint()) }
                }
                button.button.button-primary type="submit" { (text.log_in()) }
            }
        };
        Page::bare(app, parts, status, &text.log_in(), &body).into_response()
    }

    /// Where somebody goes who is let in: where they wanted to, if it is a page of ours.
    fn wanted(&self, return_to: Option<String>) -> String {
        let base = &self.0.ways.base;
        let ours = return_to.filter(|to| {
            let is_login = to[..to.find('?').unwrap_or(to.len())] == format!("{base}/login");
            is_within(to, base) && !is_login && to.len() <= 2048
        });
        ours.unwrap_or_else(|| format!("{base}/"))
    }

    fn login(&self, wanted: &str) -> String {
        format!("{}/login?return_to={}", self.0.ways.base, crate::links::escape(wanted))
    }
}

fn password(label: &str, kind: &str, is_first: bool, problem: Option<&str>) -> Markup {
    html! {
        div.field {
            label for="password" { (label) }
            input #password name="password" type="password" required autofocus[is_first]
                autocomplete=(kind) aria-invalid=[problem.map(|_| "true")] aria-describedby=[problem];
        }
    }
}

fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
}
