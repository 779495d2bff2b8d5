//! The process of an external adversary (`[adversary]` of a script): started, spoken to line by line, ended.
//!
//! Its answers depend on nothing that is measured here. A limit of real time ends a process that hangs: that is an error,
//! and never decides an output.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};

use crate::adversary::external::{Conversation, LONGEST_LINE};

/// How long an answer may take in real time.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process that answers on its standard output what it is told on its standard input.
pub struct ExternalProcess {
    name: String,
    child: Child,
    /// To the thread that writes; `None` when the process is to end.
    input: Option<Sender<String>>,
    lines: Receiver<Result<String, String>>,
    patience: Duration,
}

impl ExternalProcess {
    /// Starts `command`, the program and its arguments, in `folder`.
    ///
    /// # Errors
    /// If there is no such program, in words.
    pub fn start(command: &[String], folder: &Path) -> Result<Self, String> {
        let name = command.join(" ");
        let (program, arguments) = command.split_first().ok_or("expected a command, found none")?;
        let started = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn();
        let mut child = started.map_err(|error| format!("expected to start {name:?}, found: {error}"))?;
        let input = child.stdin.take().map(writer);
        let output = child.stdout.take().ok_or("expected a standard output, found none")?;
        let (sender, lines) = bounded(1);
        // Ends with the process, or when nobody listens any more.
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            loop {
                let mut line = Vec::new();
                let limit = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX);
                let read = output.by_ref().take(limit).read_until(b'\n', &mut line);
                let message = match read {
                    Ok(0) => return,
                    Ok(_) if line.last() == Some(&b'\n') => {
                        String::from_utf8(line).map_err(|_| "expected a line in UTF-8, found other octets".to_owned())
                    }
                    Ok(found) if found >= LONGEST_LINE => {
                        Err(format!("expected a line of at most {LONGEST_LINE} octets, found a longer one"))
                    }
                    Ok(_) => Err("expected a whole line, found the end of one".to_owned()),
                    Err(error) => Err(error.to_string()),
                };
                let stops = message.is_err();
                if sender.send(message).is_err() || stops {
                    return;
                }
            }
        });
        Ok(Self { name, child, input, lines, patience: PATIENCE })
    }

    /// The same process, whose answers may take so long in real time.
    #[must_use]
    pub fn patient_for(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

/// A thread that writes lines, so that a process which does not read is told by its missing answer.
fn writer(mut input: ChildStdin) -> Sender<String> {
    let (sender, lines) = unbounded::<String>();
    thread::spawn(move || {
        for line in lines {
            if input.write_all(line.as_bytes()).and_then(|()| input.flush()).is_err() {
                return;
            }
        }
    });
    sender
}

impl Conversation for ExternalProcess {
    fn exchange(&mut self, line: &str) -> Result<String, String> {
        self.end(line);
        match self.lines.recv_timeout(self.patience) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => {
                Err(format!("expected an answer of {:?} within {:?}, found none", self.name, self.patience))
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(format!("expected an answer of {:?}, found that it has ended", self.name))
            }
        }
    }

    fn end(&mut self, line: &str) {
        if let Some(input) = &self.input {
            // A process that has ended is told by its missing answer.
            let _ = input.send(format!("{line}\n"));
        }
    }
}

impl Drop for ExternalProcess {
    fn drop(&mut self) {
        self.input = None;
        // It has nothing to do any more, and may be one that hangs.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
