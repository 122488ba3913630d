//! Pictures by `POST /api/v1/inspect`, against the same frames given to a line in this process.

use crate::feed::{Feed, Load, Run, run};
use crate::figure::{Figure, Times};
use crate::fixture::{Fixture, THREADS};
use anyhow::{Context as _, ensure};
use assay_tests::station::TestStation;
use std::sync::Arc;
use std::time::Instant;

const FRAMES: usize = 400;
const WARM: usize = 20;
/// Clients at one time where throughput is measured: more than there are lanes.
const CLIENTS: usize = 4;

pub fn measure(fixture: &Fixture) -> anyhow::Result<Vec<Figure>> {
    let config = format!(
        "[inference]\norder = [\"openvino\"]\nthreads = {THREADS}\nparallel = 2\n[[source]]\nkind = \"http\"\nname = \"camera\""
    );
    let station = TestStation::new(&config)?;
    let running = station.start()?;
    let url = format!("{}/api/v1/inspect", running.address);
    upload(&url, &fixture.pictures, WARM)?;
    let (alone, _) = by_http(&url, &fixture.pictures, 1)?;
    let (_, http_per_s) = by_http(&url, &fixture.pictures, CLIENTS)?;
    ensure!(running.end()? == Some(0), "the station did not end well");

    in_process(fixture, 1, WARM)?;
    let inside = in_process(fixture, 1, FRAMES)?;
    let together = in_process(fixture, CLIENTS, FRAMES)?;
    let per_s = together.released.len() as f64 / together.seconds;
    let inside = Times::from_micros(inside.released.iter().map(|released| released.micros).collect());
    let of = |percent| format!("the same line in one process: {:.2} ms", inside.percentile(percent) / 1e3);
    let rate = format!("{CLIENTS} frames at one time; in one process: {per_s:.0}/s");
    Ok(vec![
        Figure::plain("inspection by HTTP, one client, p50", alone.p50() / 1e3, "ms", &of(50)),
        Figure::plain("inspection by HTTP, one client, p99", alone.percentile(99) / 1e3, "ms", &of(99)),
        Figure::plain("HTTP over in-process, p50", alone.p50() / inside.p50(), "x", &of(50)),
        Figure::plain("inspections by HTTP", http_per_s, "1/s", &rate),
        Figure::plain("HTTP throughput over in-process", http_per_s / per_s, "x", &rate),
    ])
}

fn in_process(fixture: &Fixture, at_one_time: usize, count: usize) -> anyhow::Result<Run> {
    let run = run(
        Load {
            context: fixture.parts.context.clone(),
            recipe: Arc::clone(&fixture.live),
            pictures: fixture.pictures.clone(),
            count: count as u64,
            feed: Feed::AtOneTime(at_one_time),
            before: Box::new(|_, _| ()),
        },
        |_, _| (),
    )?;
    ensure!(run.lost_or_twice(count as u64) == 0, "a frame has no verdict");
    Ok(run)
}

/// Times of single uploads, and uploads per second, of so many clients at one time.
fn by_http(url: &str, pictures: &[Arc<[u8]>], clients: usize) -> anyhow::Result<(Times, f64)> {
    let start = Instant::now();
    let all = std::thread::scope(|scope| -> anyhow::Result<Vec<f64>> {
        let running: Vec<_> = (0..clients).map(|_| scope.spawn(|| upload(url, pictures, FRAMES / clients))).collect();
        let mut all = Vec::new();
        for client in running {
            all.extend(client.join().ok().context("a client ended early")??);
        }
        Ok(all)
    })?;
    let per_s = all.len() as f64 / start.elapsed().as_secs_f64();
    Ok((Times::from_micros(all), per_s))
}

/// One after the other over one connection; microseconds of each, from the request to the whole answer.
fn upload(url: &str, pictures: &[Arc<[u8]>], count: usize) -> anyhow::Result<Vec<f64>> {
    let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
    let mut times = Vec::with_capacity(count);
    for picture in pictures.iter().cycle().take(count) {
        let start = Instant::now();
        let mut answer = agent.post(url).header("content-type", "image/jpeg").send(&picture[..])?;
        let text = answer.body_mut().read_to_string()?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
        ensure!(text.contains("\"verdict\""), "no verdict: {text}");
    }
    Ok(times)
}
