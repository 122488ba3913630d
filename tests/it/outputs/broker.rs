//! A Mosquitto of a test's own, and somebody who listens to it.

use super::line::wait_for;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

pub struct Broker {
    dir: tempfile::TempDir,
    pub port: u16,
    child: Option<Child>,
}

/// Where Debian puts servers is not on everybody's path.
fn mosquitto() -> Command {
    let found =
        ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"].into_iter().find(|path| std::fs::exists(path).unwrap());
    Command::new(found.unwrap_or("mosquitto"))
}

impl Broker {
    /// On a free port. `more` is added to its configuration.
    pub fn start(more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "listener {port} 127.0.0.1\nuser root\npersistence true\npersistence_location {}/\nmax_queued_messages 0\n\
             log_dest none\n{more}\n",
            dir.path().display()
        );
        std::fs::write(dir.path().join("mosquitto.conf"), config).unwrap();
        let mut broker = Self { dir, port, child: None };
        broker.again();
        broker
    }

    pub fn again(&mut self) {
        let config = self.dir.path().join("mosquitto.conf");
        let child = mosquitto().arg("-c").arg(config).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.child = Some(child.expect("mosquitto is not there: run `cargo xtask test`, or apt-get install mosquitto"));
        wait_for("the broker's port", || TcpStream::connect(("127.0.0.1", self.port)).ok());
    }

    /// Ends it as its service does: it remembers what it has promised to deliver.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
            let _ = child.wait();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A message: whether it was retained, its topic, its text.
pub type Message = (bool, String, String);

/// Listens to all topics in a session that outlives the broker, and remembers every message.
pub struct Listener {
    child: Child,
    messages: Arc<Mutex<Vec<Message>>>,
}

impl Listener {
    pub fn start(broker: &Broker, more: &[&str]) -> Self {
        let port = broker.port.to_string();
        let mut child = Command::new("mosquitto_sub")
            .args(["-h", "127.0.0.1", "-p", &port, "-i", "listener", "-c", "-q", "1", "-t", "assay/#"])
            .args(["-F", "%r\t%t\t%p"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto_sub is not there: run `cargo xtask test`, or apt-get install mosquitto-clients");
        let messages = Arc::<Mutex<Vec<Message>>>::default();
        let (sink, out) = (Arc::clone(&messages), child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let mut parts = line.splitn(3, '\t');
                let mut next = || parts.next().unwrap_or("").to_owned();
                sink.lock().unwrap().push((next() == "1", next(), next()));
            }
        });
        Self { child, messages }
    }

    /// From here on the broker keeps for this listener what it misses.
    pub fn wait_until_subscribed(&self, broker: &Broker) {
        wait_for("the listener", || {
            let port = broker.port.to_string();
            let words = ["-h", "127.0.0.1", "-p", &port, "-q", "1", "-t", "assay/probe", "-m", "x"];
            assert!(Command::new("mosquitto_pub").args(words).status().unwrap().success());
            (!self.texts("/probe").is_empty()).then_some(())
        });
    }

    /// Texts under the topic that ends so.
    pub fn texts(&self, topic: &str) -> Vec<String> {
        let all = self.messages.lock().unwrap();
        all.iter().filter(|(_, name, _)| name.ends_with(topic)).map(|(_, _, text)| text.clone()).collect()
    }

    pub fn wait_for_text(&self, topic: &str, fits: impl Fn(&str) -> bool) -> String {
        wait_for(topic, || self.texts(topic).into_iter().find(|text| fits(text)))
    }

    /// Ids of all verdicts so far, each once; and how many came at all.
    pub fn verdicts(&self) -> (BTreeSet<String>, usize) {
        let texts = self.texts("/result");
        let id =
            |text: &String| serde_json::from_str::<serde_json::Value>(text).unwrap()["id"].as_str().unwrap().to_owned();
        (texts.iter().map(id).collect(), texts.len())
    }

    pub fn wait_for_verdicts(&self, count: usize) -> BTreeSet<String> {
        wait_for("verdicts", || Some(self.verdicts().0).filter(|ids| ids.len() >= count))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
