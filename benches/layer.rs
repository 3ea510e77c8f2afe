//! What the maintenance layer adds to a request: the bare service beside the layered one, off and on.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::task::{Context, Poll};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use db_migrations::maintenance::{self, MaintenanceLayer, Mark, Owner, Switch, Watch};
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

fn calls(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("down");
    let measure = |criterion: &mut Criterion, name: &str, service: &mut dyn FnMut() -> Response<String>| {
        criterion.bench_function(name, |bencher| bencher.iter(|| black_box(service())));
    };
    let mut bare = Bare;
    measure(criterion, "bare", &mut || match runtime.block_on(bare.call(request())) {
        Ok(response) => response,
    });
    let watch = Watch::of(maintenance::file(&path)).start().expect("a watch");
    let mut off = MaintenanceLayer::new(watch).layer(Bare);
    measure(criterion, "layer, off", &mut || match runtime.block_on(off.call(request())) {
        Ok(response) => response,
    });
    let mark = Mark::new(Owner::Hand, "bench", Duration::from_secs(5));
    maintenance::file(&path).on(&mark).expect("a mark");
    let watch = Watch::of(maintenance::file(&path)).start().expect("a watch");
    let mut on = MaintenanceLayer::new(watch).layer(Bare);
    measure(criterion, "layer, on", &mut || match runtime.block_on(on.call(request())) {
        Ok(response) => response,
    });
}

criterion_group!(benches, calls);
criterion_main!(benches);
