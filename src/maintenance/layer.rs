//! A `tower` layer that answers 503 while maintenance mode is on.
//!
//! A request costs one look at a flag in memory: the look-ups are those of the [`Watch`]. It works around every
//! service that takes an `http::Request`, whatever the body; what a page looks like, it does not know.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::Either;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

use super::{Mark, Watch};

/// Without any other word.
const SENTENCE: &str = "This service is being maintained. Please try again in a moment.\n";

/// After so many seconds one may try again, where neither the layer nor the mark says it.
const RETRY: u64 = 30;

/// What is answered while maintenance mode is on. Status, `Retry-After` and `Cache-Control` are set after it, where it
/// has not set them itself. Any `Fn(&Mark) -> Response<B>` is one.
pub trait Page<B> {
    /// The answer.
    fn answer(&self, mark: &Mark) -> Response<B>;
}

impl<B, F: Fn(&Mark) -> Response<B>> Page<B> for F {
    fn answer(&self, mark: &Mark) -> Response<B> {
        self(mark)
    }
}

/// A text with its content type; without one, the mark's message or a sentence in English.
#[derive(Clone, Debug)]
pub struct Text {
    text: Option<String>,
    content_type: HeaderValue,
}

impl<B: From<String>> Page<B> for Text {
    fn answer(&self, mark: &Mark) -> Response<B> {
        let message = || mark.message.as_ref().map(|message| format!("{message}\n"));
        let text = self.text.clone().or_else(message).unwrap_or_else(|| SENTENCE.to_owned());
        let mut response = Response::new(B::from(text));
        response.headers_mut().insert(CONTENT_TYPE, self.content_type.clone());
        response
    }
}

/// Answers 503 for a service while maintenance mode is on.
///
/// ```no_run
/// use std::time::Duration;
/// use axum::{Router, routing::get};
/// use db_migrations::maintenance::{self, MaintenanceLayer, Watch};
///
/// # fn main() -> std::io::Result<()> {
/// let watch = Watch::of(maintenance::file("/run/shop/maintenance")).every(Duration::from_secs(1)).start()?;
/// let layer = MaintenanceLayer::new(watch)
///     .page("text/html; charset=utf-8", "<p>Back in a moment.")
///     .except("/health");
/// let app: Router = Router::new()
///     .route("/", get(|| async { "hello" }))
///     .route("/health", get(|| async { "alive" }))
///     .layer(layer);
/// # drop(app); Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MaintenanceLayer<P = Text> {
    watch: Watch,
    settings: Arc<Settings>,
    page: P,
}

#[derive(Clone, Default)]
struct Settings {
    except: Vec<String>,
    retry_after: Option<u64>,
}

impl MaintenanceLayer {
    /// A layer that answers with the message of the mark.
    pub fn new(watch: Watch) -> Self {
        let page = Text { text: None, content_type: HeaderValue::from_static("text/plain; charset=utf-8") };
        Self { watch, settings: Arc::default(), page }
    }

    /// Answers with this text. A content type that is none of HTTP's is left out.
    #[must_use]
    pub fn page(self, content_type: &str, text: impl Into<String>) -> Self {
        let plain = HeaderValue::from_static("application/octet-stream");
        let content_type = HeaderValue::from_str(content_type).unwrap_or(plain);
        Self { page: Text { text: Some(text.into()), content_type }, ..self }
    }
}

impl<P> MaintenanceLayer<P> {
    /// Answers with what a function makes of the mark.
    #[must_use]
    pub fn page_with<Q>(self, page: Q) -> MaintenanceLayer<Q> {
        MaintenanceLayer { watch: self.watch, settings: self.settings, page }
    }

    /// Lets requests to this path and to those below it through, such as those of a health check.
    #[must_use]
    pub fn except(mut self, path: &str) -> Self {
        let path = path.trim_end_matches('/').to_owned();
        Arc::make_mut(&mut self.settings).except.push(path);
        self
    }

    /// What `Retry-After` says, whatever the mark does.
    #[must_use]
    pub fn retry_after(mut self, time: Duration) -> Self {
        Arc::make_mut(&mut self.settings).retry_after = Some(time.as_secs());
        self
    }
}

impl<S, P: Clone> Layer<S> for MaintenanceLayer<P> {
    type Service = MaintenanceService<S, P>;

    fn layer(&self, inner: S) -> Self::Service {
        MaintenanceService { inner, layer: self.clone() }
    }
}

/// A service behind a [`MaintenanceLayer`].
#[derive(Clone)]
pub struct MaintenanceService<S, P = Text> {
    inner: S,
    layer: MaintenanceLayer<P>,
}

impl<S, P, Q, B> Service<Request<Q>> for MaintenanceService<S, P>
where
    S: Service<Request<Q>, Response = Response<B>>,
    P: Page<B>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<B>, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let Some(mark) = self.layer.watch.mark() else { return Either::Left(self.inner.call(request)) };
        if self.layer.settings.lets_through(request.uri().path()) {
            return Either::Left(self.inner.call(request));
        }
        Either::Right(ready(Ok(self.layer.refusal(&mark))))
    }
}

impl Settings {
    fn lets_through(&self, path: &str) -> bool {
        self.except.iter().any(|free| {
            path.strip_prefix(free.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

impl<P> MaintenanceLayer<P> {
    fn refusal<B>(&self, mark: &Mark) -> Response<B>
    where
        P: Page<B>,
    {
        let mut response = self.page.answer(mark);
        if response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        let seconds = self.settings.retry_after.or(mark.retry_after).unwrap_or(RETRY);
        let headers = response.headers_mut();
        headers.entry(RETRY_AFTER).or_insert_with(|| HeaderValue::from(seconds));
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintenance::{Owner, Switch, file};

    #[derive(Clone)]
    struct Inner;

    impl Service<Request<()>> for Inner {
        type Response = Response<String>;
        type Error = std::convert::Infallible;
        type Future = Ready<Result<Response<String>, Self::Error>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            ready(Ok(Response::new("inner".to_owned())))
        }
    }

    fn ask<P: Page<String> + Clone>(layer: &MaintenanceLayer<P>, path: &str) -> Response<String> {
        let mut service = layer.layer(Inner);
        let request = Request::builder().uri(path).body(()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(service.call(request)).unwrap()
    }

    fn on(mark: &Mark) -> (tempfile::TempDir, Watch) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("down");
        file(&path).on(mark).unwrap();
        (folder, Watch::of(file(&path)).start().unwrap())
    }

    fn hand() -> Mark {
        Mark::new(Owner::Hand, "ann@host", Duration::from_secs(1))
    }

    #[test]
    fn everything_but_the_exceptions_is_refused() {
        let (_folder, watch) = on(&hand());
        let layer = MaintenanceLayer::new(watch).except("/health").except("/static/");
        for path in ["/health", "/health/", "/health/deep?x", "/static/a.css"] {
            assert_eq!(ask(&layer, path).status(), 200, "{path}");
        }
        for path in ["/", "/healthy", "/x/health", "/statics"] {
            let response = ask(&layer, path);
            assert_eq!(response.status(), 503, "{path}");
            assert_eq!(
                (&response.headers()[RETRY_AFTER], response.body().as_str()),
                (&HeaderValue::from(30), SENTENCE)
            );
            assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        }
    }

    #[test]
    fn the_page_is_what_the_application_says_or_what_the_mark_does() {
        let mark = Mark { message: Some("back at 9".to_owned()), retry_after: Some(7), ..hand() };
        let (_folder, watch) = on(&mark);
        let layer = MaintenanceLayer::new(watch);
        let response = ask(&layer, "/");
        assert_eq!(
            (response.body().as_str(), &response.headers()[RETRY_AFTER]),
            ("back at 9\n", &HeaderValue::from(7))
        );
        let own = layer.clone().page("text/html", "<p>soon").retry_after(Duration::from_mins(1));
        let response = ask(&own, "/");
        assert_eq!(
            (response.body().as_str(), &response.headers()[RETRY_AFTER]),
            ("<p>soon", &HeaderValue::from(60))
        );
        assert_eq!(response.headers()[CONTENT_TYPE], "text/html");
        let closure = layer.page_with(|mark: &Mark| {
            let mut response = Response::new(mark.by.clone());
            *response.status_mut() = StatusCode::IM_A_TEAPOT;
            response
        });
        let response = ask(&closure, "/");
        assert_eq!((response.status(), response.body().as_str()), (StatusCode::IM_A_TEAPOT, "ann@host"));
    }
}
