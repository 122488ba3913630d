//! The wire format of protocol buffers, borrowed from the file: nothing is copied and nothing allocated. A library
//! would build every message of the file first, however many there are of no bytes at all.

/// One field of a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Number(u64),
    /// A text, a message, packed numbers, or numbers of fixed width.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    pub(super) fn bytes(self) -> Result<&'a [u8], String> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Number(_) => Err("damaged: a number stands where bytes are expected".to_owned()),
        }
    }

    pub(super) fn text(self) -> Result<&'a str, String> {
        std::str::from_utf8(self.bytes()?).map_err(|_| "damaged: a name is no UTF-8".to_owned())
    }

    pub(super) fn number(self) -> Result<u64, String> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Bytes(_) => Err("damaged: bytes stand where a number is expected".to_owned()),
        }
    }
}

/// The fields of a message, in the file's order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) const fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next number of a packed list; none at its end.
    pub(super) fn packed(&mut self) -> Result<Option<u64>, String> {
        if self.rest.is_empty() { Ok(None) } else { self.varint().map(Some) }
    }

    /// Field number and value; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, String> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Bytes(self.take(8)?),
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Bytes(self.take(4)?),
            kind => return Err(format!("damaged: wire type {kind} is not in use")),
        };
        match key >> 3 {
            0 => Err("damaged: a field has the number 0".to_owned()),
            field => Ok(Some((field, value))),
        }
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], String> {
        let cut = usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let Some((head, rest)) = cut else {
            let left = self.rest.len();
            return Err(format!("damaged: it ends inside a field of {length} bytes, {left} are left"));
        };
        self.rest = rest;
        Ok(head)
    }

    fn varint(&mut self) -> Result<u64, String> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let Some((&byte, rest)) = self.rest.split_first() else {
                return Err("damaged: it ends inside a number".to_owned());
            };
            self.rest = rest;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            number |= part << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err("damaged: a number has more than 64 bits".to_owned())
    }
}
