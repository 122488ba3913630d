//! A running station with a folder for pictures, and ways to wait for what it does.

use assay_tests::station::{Running, TestStation, picture};
use std::path::PathBuf;
use std::time::{Duration, Instant};

const SETTINGS: &str = "[inference]\norder = [\"onnxruntime\"]\n[[source]]\nkind = \"folder\"\nname = \"camera\"\n\
     path = \"in\"\nmode = \"watch\"\npoll_ms = 20\n";
pub const GOOD: &str = "1-ordinary-00-good-brick.jpg";

/// Far beyond what any machine needs.
pub const LIMIT: Duration = Duration::from_secs(90);

pub struct Line {
    pub station: TestStation,
    folder: PathBuf,
    given: usize,
}

impl Line {
    pub fn new(more: &str) -> Self {
        let station = TestStation::new(&format!("{SETTINGS}{more}")).unwrap();
        let folder = station.dir.path().join("in");
        std::fs::create_dir(&folder).unwrap();
        Self { station, folder, given: 0 }
    }

    pub fn start(&self) -> Running {
        self.station.start().unwrap()
    }

    /// Gives `count` good pictures to the station.
    pub fn give(&mut self, count: usize) {
        for _ in 0..count {
            self.given += 1;
            let name = format!("{:04}.jpg", self.given);
            let hidden = self.folder.join(format!(".{name}"));
            std::fs::copy(picture(GOOD), &hidden).unwrap();
            std::fs::rename(hidden, self.folder.join(name)).unwrap();
        }
    }

    /// Gives something that is no picture: the frame is undecided.
    pub fn give_rubbish(&mut self) {
        self.given += 1;
        std::fs::write(self.folder.join(format!("{:04}.jpg", self.given)), b"no picture").unwrap();
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.station.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// Asks `what` until it answers.
pub fn wait_for<T>(doing: &str, mut what: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = what() {
            return answer;
        }
        assert!(start.elapsed() < LIMIT, "never came: {doing}");
        std::thread::park_timeout(Duration::from_millis(30));
    }
}

/// The sum of all samples of a metric.
pub fn metric(running: &Running, name: &str) -> f64 {
    let text = ureq::get(format!("{}/metrics", running.address)).call().unwrap().body_mut().read_to_string().unwrap();
    let samples = text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
    samples.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

pub fn wait_for_inspections(running: &Running, count: f64) {
    wait_for("inspections", || (metric(running, "assay_inspections_total") >= count).then_some(()));
}
