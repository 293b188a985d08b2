//! Side effects, counted by name.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::future::{Ready, ready};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use restate_sdk::prelude::*;

/// Counts side effects in memory and as lines of a file. Clones share the counts.
#[derive(Clone)]
pub struct Effects(Arc<Mutex<Counts>>);

struct Counts {
    file: Option<File>, // None: memory only
    count: HashMap<String, u32>,
    note: HashMap<String, String>,
}

impl Effects {
    /// Opens the file for appending; an empty path keeps counts in memory only.
    pub fn open(path: &str) -> io::Result<Self> {
        let file = match path {
            "" => None,
            _ => Some(OpenOptions::new().append(true).create(true).open(path)?),
        };
        let (count, note) = (HashMap::new(), HashMap::new());
        Ok(Self(Arc::new(Mutex::new(Counts { file, count, note }))))
    }

    // A count is whole between any two statements, so a panic elsewhere spoils nothing.
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Performs the side effect once more and returns how often this process has done it.
    pub fn add(&self, name: &str) -> io::Result<u32> {
        let n = self.bump(name);
        if let Some(file) = &mut self.lock().file {
            file.write_all(format!("{name}\n").as_bytes())?;
        }
        Ok(n)
    }

    /// The side effect as what a durable step runs.
    pub fn effect(&self, name: &str) -> impl FnOnce() -> Ready<HandlerResult<u32>> + use<> {
        let (fx, name) = (self.clone(), name.to_owned());
        move || ready(fx.add(&name).map_err(Into::into))
    }

    /// Counts in memory alone: for attempts, which are allowed to repeat.
    pub fn bump(&self, name: &str) -> u32 {
        let mut counts = self.lock();
        let n = counts.count.entry(name.to_owned()).or_default();
        *n += 1;
        *n
    }

    pub fn get(&self, name: &str) -> u32 {
        self.lock().count.get(name).copied().unwrap_or_default()
    }

    /// Remembers value under name unless something is there, and returns what is.
    pub fn first(&self, name: &str, value: &str) -> String {
        let mut counts = self.lock();
        let note = counts.note.entry(name.to_owned());
        note.or_insert_with(|| value.to_owned()).clone()
    }
}

/// Performs one durable, counted side effect; the name is made by `format!`. A macro, because
/// the SDK's contexts cannot be lent to an async function that is generic over them.
macro_rules! step {
    ($ctx:expr, $fx:expr, $($name:tt)+) => {{
        let name = format!($($name)+);
        $ctx.run($fx.effect(&name)).name(name).await
    }};
}
pub(crate) use step;
