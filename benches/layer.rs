//! What the maintenance layer adds to a request: the bare service beside the layered one, off and on.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::task::{Context, Poll};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use db_migrations::maintenance::{self, MaintenanceLayer, Mark, Owner, Switch, Watch};
use futures_util::FutureExt;
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

#[derive(Clone)]
struct Bare;

impl Service<Request<()>> for Bare {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(String::new())))
    }
}

fn request() -> Request<()> {
    Request::new(())
}

/// The futures are ready at once, so nothing of a runtime is measured.
fn call<S>(service: &mut S) -> Option<Result<Response<String>, Infallible>>
where
    S: Service<Request<()>, Response = Response<String>, Error = Infallible>,
{
    service.call(request()).now_or_never()
}

fn calls(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("down");
    let mut bare = Bare;
    criterion.bench_function("bare", |bencher| bencher.iter(|| black_box(call(&mut bare))));
    let watch = Watch::of(maintenance::file(&path)).start().expect("a watch");
    let mut off = MaintenanceLayer::new(watch).layer(Bare);
    criterion.bench_function("layer, off", |bencher| bencher.iter(|| black_box(call(&mut off))));
    let mark = Mark::new(Owner::Hand, "bench", Duration::from_secs(5));
    maintenance::file(&path).on(&mark).expect("a mark");
    let watch = Watch::of(maintenance::file(&path)).start().expect("a watch");
    let mut on = MaintenanceLayer::new(watch).layer(Bare);
    criterion.bench_function("layer, on", |bencher| bencher.iter(|| black_box(call(&mut on))));
}

criterion_group!(benches, calls);
criterion_main!(benches);
