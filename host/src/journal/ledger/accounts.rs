//! Users, tokens of machines, and the secret of the first set-up. What is secret is here only as a hash.

use super::{AuditEntry, Ledger, LedgerError, audit};
use crate::domain::{Digest, Role};
use crate::journal::now_us;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// Users are never deleted, so that a name in the audit log is always the same person.
pub const TABLES: &str = "
CREATE TABLE users (
    name TEXT PRIMARY KEY, role TEXT NOT NULL, password TEXT NOT NULL, disabled INTEGER NOT NULL,
    generation INTEGER NOT NULL, created_at_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE tokens (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, hash BLOB NOT NULL UNIQUE, created_by TEXT NOT NULL,
    created_at_us INTEGER NOT NULL, expires_at_us INTEGER NOT NULL, revoked_at_us INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE set_up (id INTEGER PRIMARY KEY CHECK (id = 1), hash BLOB NOT NULL) STRICT;
";

const USER_COLUMNS: &str = "name, role, disabled, generation, created_at_us";
const TOKEN_COLUMNS: &str = "id, name, role, created_by, created_at_us, expires_at_us, revoked_at_us";
const OTHER_ADMIN: &str = "SELECT EXISTS (SELECT 1 FROM users WHERE role = 'admin' AND disabled = 0 AND name <> ?)";

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub role: Role,
    pub disabled: bool,
    /// Goes up with every change of role, password or state: what was allowed before it no longer is.
    pub generation: i64,
    pub created_at_us: i64,
}

/// A user to be.
#[derive(Clone)]
pub struct NewUser {
    pub name: String,
    pub role: Role,
    /// Hash of the password in PHC format.
    pub password: String,
}

/// A machine's token. The token itself is nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub id: String,
    /// What the machine is called in the audit log.
    pub name: String,
    pub role: Role,
    pub created_by: String,
    pub created_at_us: i64,
    pub expires_at_us: i64,
    pub revoked_at_us: Option<i64>,
}

/// A token to be.
#[derive(Debug, Clone)]
pub struct NewToken {
    pub id: String,
    pub name: String,
    pub role: Role,
    pub hash: Digest,
    pub created_by: String,
    pub expires_at_us: i64,
}

/// What of a user is to change.
#[derive(Clone, Default)]
pub struct UserChange {
    pub role: Option<Role>,
    pub disabled: Option<bool>,
    /// Hash of the new password in PHC format.
    pub password: Option<String>,
}

/// How a change of the accounts ended. Only `Done` changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    Done,
    /// The name is taken, or the station has users already.
    Taken,
    /// There is no such user, token or secret.
    Unknown,
    /// Nobody could manage users any more.
    LastAdmin,
}

impl Ledger {
    /// Whether the station has users.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub fn has_users(&self) -> Result<bool, LedgerError> {
        self.with("look for users", has_users)
    }

    /// # Errors
    /// When the records cannot be read.
    pub fn users(&self) -> Result<Vec<User>, LedgerError> {
        self.with("list its users", |db| {
            let sql = format!("SELECT {USER_COLUMNS} FROM users ORDER BY name");
            db.prepare(&sql)?.query_map([], user)?.collect()
        })
    }

    /// # Errors
    /// When the records cannot be read.
    pub fn user(&self, name: &str) -> Result<Option<User>, LedgerError> {
        self.with("look up a user", |db| {
            let sql = format!("SELECT {USER_COLUMNS} FROM users WHERE name = ?");
            db.prepare(&sql)?.query_row([name], user).optional()
        })
    }

    /// The hash of a user's password, in PHC format.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub fn password_of(&self, name: &str) -> Result<Option<String>, LedgerError> {
        let sql = "SELECT password FROM users WHERE name = ?";
        self.with("look up a user", |db| db.query_row(sql, [name], |row| row.get(0)).optional())
    }

    /// # Errors
    /// When the records cannot be written.
    pub fn add_user(&self, new: &NewUser, entry: &AuditEntry) -> Result<Changed, LedgerError> {
        self.change("add a user", |tx| {
            if insert_user(tx, new)? == 0 {
                return Ok(Changed::Taken);
            }
            audit::append(tx, &self.station, entry).map(|()| Changed::Done)
        })
    }

    /// Keeps the hash of the secret that lets somebody make the first user; an older one no longer works.
    ///
    /// # Errors
    /// When the records cannot be written.
    pub fn keep_set_up_secret(&self, hash: &Digest, entry: &AuditEntry) -> Result<(), LedgerError> {
        let sql = "INSERT INTO set_up VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET hash = excluded.hash";
        self.audited("keep the set-up secret", entry, |tx| tx.execute(sql, [hash.as_bytes()]).map(drop))
    }

    /// Makes the first user and uses the secret up, both or neither.
    ///
    /// # Errors
    /// When the records cannot be written.
    pub fn add_first_user(&self, secret: &Digest, new: &NewUser, entry: &AuditEntry) -> Result<Changed, LedgerError> {
        self.change("make the first user", |tx| {
            if has_users(tx)? {
                return Ok(Changed::Taken);
            }
            if tx.execute("DELETE FROM set_up WHERE hash = ?", [secret.as_bytes()])? == 0 {
                return Ok(Changed::Unknown);
            }
            insert_user(tx, new)?;
            audit::append(tx, &self.station, entry).map(|()| Changed::Done)
        })
    }

    /// Changes a user. What the user was allowed before has to be asked for again.
    ///
    /// # Errors
    /// When the records cannot be written.
    pub fn change_user(&self, name: &str, change: &UserChange, entry: &AuditEntry) -> Result<Changed, LedgerError> {
        self.change("change a user", |tx| {
            let role: Option<String> =
                tx.query_row("SELECT role FROM users WHERE name = ?", [name], |row| row.get(0)).optional()?;
            let Some(role) = role else { return Ok(Changed::Unknown) };
            let loses = change.disabled == Some(true) || change.role.is_some_and(|role| role != Role::Admin);
            let is_admin = role == Role::Admin.name();
            if loses && is_admin && !tx.query_row(OTHER_ADMIN, [name], |row| row.get::<_, bool>(0))? {
                return Ok(Changed::LastAdmin);
            }
            tx.execute(
                "UPDATE users SET role = coalesce(?, role), disabled = coalesce(?, disabled),
                 password = coalesce(?, password), generation = generation + 1 WHERE name = ?",
                params![change.role.map(Role::name), change.disabled, change.password, name],
            )?;
            audit::append(tx, &self.station, entry).map(|()| Changed::Done)
        })
    }

    /// # Errors
    /// When the records cannot be read.
    pub fn tokens(&self) -> Result<Vec<Token>, LedgerError> {
        self.with("list its tokens", |db| {
            let sql = format!("SELECT {TOKEN_COLUMNS} FROM tokens ORDER BY created_at_us DESC, id");
            db.prepare(&sql)?.query_map([], token)?.collect()
        })
    }

    /// The token with this hash, also one that has expired or was revoked.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub fn token(&self, hash: &Digest) -> Result<Option<Token>, LedgerError> {
        self.with("look up a token", |db| {
            let sql = format!("SELECT {TOKEN_COLUMNS} FROM tokens WHERE hash = ?");
            db.prepare(&sql)?.query_row([hash.as_bytes()], token).optional()
        })
    }

    /// # Errors
    /// When the records cannot be written.
    pub fn add_token(&self, new: &NewToken, entry: &AuditEntry) -> Result<(), LedgerError> {
        let sql = "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, NULL)";
        self.audited("add a token", entry, |tx| {
            let NewToken { id, name, role, hash, created_by, expires_at_us } = new;
            tx.execute(sql, params![id, name, role.name(), hash.as_bytes(), created_by, now_us(), expires_at_us])
                .map(drop)
        })
    }

    /// # Errors
    /// When the records cannot be written.
    pub fn revoke_token(&self, id: &str, entry: &AuditEntry) -> Result<Changed, LedgerError> {
        self.change("revoke a token", |tx| {
            let sql = "UPDATE tokens SET revoked_at_us = ? WHERE id = ? AND revoked_at_us IS NULL";
            if tx.execute(sql, params![now_us(), id])? == 0 {
                return Ok(Changed::Unknown);
            }
            audit::append(tx, &self.station, entry).map(|()| Changed::Done)
        })
    }
}

fn has_users(db: &Connection) -> rusqlite::Result<bool> {
    db.prepare("SELECT EXISTS (SELECT 1 FROM users)")?.query_row([], |row| row.get(0))
}

fn insert_user(db: &Connection, new: &NewUser) -> rusqlite::Result<usize> {
    let sql = "INSERT INTO users VALUES (?, ?, ?, 0, 1, ?) ON CONFLICT (name) DO NOTHING";
    db.execute(sql, params![new.name, new.role.name(), new.password, now_us()])
}

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        name: row.get(0)?,
        role: role(row, 1)?,
        disabled: row.get(2)?,
        generation: row.get(3)?,
        created_at_us: row.get(4)?,
    })
}

fn token(row: &Row<'_>) -> rusqlite::Result<Token> {
    Ok(Token {
        id: row.get(0)?,
        name: row.get(1)?,
        role: role(row, 2)?,
        created_by: row.get(3)?,
        created_at_us: row.get(4)?,
        expires_at_us: row.get(5)?,
        revoked_at_us: row.get(6)?,
    })
}

fn role(row: &Row<'_>, column: usize) -> rusqlite::Result<Role> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}
