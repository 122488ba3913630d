use super::inflight::{Inflight, Message};
use super::options::WINDOW;
use super::{Feed, Topics};
use crossbeam_channel::Receiver;
use rumqttc::{Client, Connection, ConnectionError, Event, MqttOptions, NetworkOptions, Outgoing, Packet, QoS};
use rumqttc::{ClientError, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How long the network is listened to before the journal is looked at again.
const TURN: Duration = Duration::from_millis(50);
/// A connection is made in so many seconds, or given up.
const CONNECT_S: u64 = 5;
/// A broker that takes messages and confirms none for so long is as good as dead.
const CONFIRM_WITHIN: Duration = Duration::from_secs(20);
/// For the last words of a station that ends.
const GOODBYE: Duration = Duration::from_secs(2);

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionEnd {
    #[error("the station ends")]
    Stopped,
    #[error(transparent)]
    Connection(Box<ConnectionError>),
    #[error("the broker confirmed nothing for {} s", CONFIRM_WITHIN.as_secs())]
    Silent,
    #[error("the client takes no message")]
    Client(#[from] ClientError),
    #[error("the client has ended")]
    Gone,
    #[error("the journal cannot be read")]
    Journal(#[from] crate::journal::JournalError),
}

impl From<ConnectionError> for SessionEnd {
    fn from(error: ConnectionError) -> Self {
        Self::Connection(Box::new(error))
    }
}

/// One connection to the broker, from the first packet to its end.
pub struct Session<'a> {
    client: Client,
    connection: Connection,
    topics: &'a Topics,
    inflight: Inflight,
    /// The last row that was handed over.
    row: i64,
    /// When something was confirmed last, or handed over while nothing waited.
    alive: Instant,
    online: bool,
}

impl<'a> Session<'a> {
    /// Takes up the journal behind `row`.
    pub fn new(options: MqttOptions, topics: &'a Topics, row: i64) -> Self {
        let (client, mut connection) = Client::new(options, WINDOW + 8);
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(CONNECT_S);
        network.set_tcp_nodelay(true);
        connection.eventloop.set_network_options(network);
        Self { client, connection, topics, inflight: Inflight::default(), row, alive: Instant::now(), online: false }
    }

    /// Works until the connection breaks or the station ends.
    pub fn run(&mut self, feed: &mut Feed, stopped: &Receiver<()>) -> SessionEnd {
        loop {
            match self.turn(feed, stopped) {
                Ok(()) => {}
                Err(end) => return end,
            }
        }
    }

    pub const fn was_online(&self) -> bool {
        self.online
    }

    fn turn(&mut self, feed: &mut Feed, stopped: &Receiver<()>) -> Result<(), SessionEnd> {
        if stopped.try_recv().is_ok() {
            self.say_goodbye(feed);
            return Err(SessionEnd::Stopped);
        }
        if !self.online {
            // Not cut short: giving up the wait would give up the connection.
            let event = self.connection.recv().map_err(|_| SessionEnd::Gone)??;
            return self.take(&event, feed);
        }
        self.standing(feed)?;
        self.results(feed)?;
        self.listen(feed, TURN)?;
        if !self.inflight.is_empty() && self.alive.elapsed() > CONFIRM_WITHIN {
            return Err(SessionEnd::Silent);
        }
        feed.keep_cursor(false);
        Ok(())
    }

    /// Waits for the network once, then takes what is there.
    fn listen(&mut self, feed: &mut Feed, wait: Duration) -> Result<(), SessionEnd> {
        let mut wait = wait;
        loop {
            match self.connection.recv_timeout(wait) {
                Ok(event) => self.take(&event?, feed)?,
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => return Err(SessionEnd::Gone),
            }
            wait = Duration::from_millis(1);
        }
    }

    fn take(&mut self, event: &Event, feed: &mut Feed) -> Result<(), SessionEnd> {
        match event {
            Event::Incoming(Packet::ConnAck(_)) => {
                self.online = true;
                self.alive = Instant::now();
                feed.connected();
                self.publish(&self.topics.available.clone(), true, "online".to_owned(), Message::Standing)?;
            }
            Event::Outgoing(Outgoing::Publish(number)) => self.inflight.written(*number),
            Event::Incoming(Packet::PubAck(ack)) => {
                self.alive = Instant::now();
                if let Some(row) = self.inflight.confirmed(ack.pkid) {
                    feed.confirmed(row);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What a new reader should find at once.
    fn standing(&mut self, feed: &mut Feed) -> Result<(), SessionEnd> {
        if self.inflight.len() >= WINDOW {
            return Ok(());
        }
        if let Some(state) = feed.state() {
            self.publish(&self.topics.state.clone(), true, state, Message::Standing)?;
        }
        if let Some(alarms) = feed.alarms() {
            self.publish(&self.topics.alarm.clone(), true, alarms, Message::Standing)?;
        }
        Ok(())
    }

    fn results(&mut self, feed: &mut Feed) -> Result<(), SessionEnd> {
        let free = WINDOW.saturating_sub(self.inflight.len());
        for (row, text) in feed.results(self.row, free)? {
            self.publish(&self.topics.result.clone(), false, text, Message::Result(row))?;
            self.row = row;
        }
        Ok(())
    }

    fn publish(&mut self, topic: &str, retain: bool, text: String, message: Message) -> Result<(), SessionEnd> {
        if self.inflight.is_empty() {
            self.alive = Instant::now();
        }
        self.client.try_publish(topic, QoS::AtLeastOnce, retain, text)?;
        self.inflight.hand_over(message);
        Ok(())
    }

    /// Says itself that the station goes, since a broker publishes the last will only of one that vanishes.
    fn say_goodbye(&mut self, feed: &mut Feed) {
        let until = Instant::now() + GOODBYE;
        let topic = self.topics.available.clone();
        if !self.online || self.publish(&topic, true, "offline".to_owned(), Message::Standing).is_err() {
            return;
        }
        while !self.inflight.is_empty() && Instant::now() < until {
            if self.listen(feed, TURN).is_err() {
                return;
            }
        }
        if self.client.try_disconnect().is_ok() {
            let _ = self.listen(feed, TURN);
        }
    }
}
