//! From a script to a run: the script format, the user traffic it asks for and the comparison of that traffic end to end.
//!
//! * [`bundled`]: the scripts that are in the program.
//! * [`script`]: the TOML format, its validation, `--set` and its errors with spans.
//! * [`traffic`]: the IP packets of generated user traffic.
//! * [`ledger`]: what was sent against what came out.
//! * [`world`]: a script becomes nodes, links and an adversary.
//! * `scripted_links`: what a script says of single links becomes settings of the emulation.
//! * `faults`: what links do to chosen frames.
//! * [`run`]: the run itself: traffic in, capture, key log and document out.
//! * `recorder` with `attack_results`, `key_stream_result`, `recorded_capture`, `recorded_ladder`, `handover_measure`,
//!   `key_collector`, `key_standing`, `releases`, `link_search` and `expectations`: what is made of frames and of what nodes
//!   report.
//! * [`mobility`]: mobile stations move, and hand over where another base station is better.
//! * `sealed_numbers`: which pairs of TEK and packet number were used.
//! * `watch` with `subject`: of which mobile stations a run keeps frames and keys.
//! * [`kept_frames`]: which frames of a run stay in memory, and where the others go; `recorded_interfaces` and
//!   [`whole_capture`]: the capture that is made of both.
//! * [`statistics`]: a run in figures, as JSON and CSV.
//! * `judgement`: a run is judged by its capture and key log.
//! * [`outcome`]: what a run came to; [`work`]: what it has cost the nodes.
//! * [`external_process`]: the program that is the adversary, if the script names one.
//! * [`compare`]: the five modes side by side, over many runs; [`study`]: a grid of settings times seeds, a row for each run.
//! * `workers`: runs side by side on all cores.
//! * [`eps`]: all of that for scripts of EPS.

mod attack_results;
pub mod bundled;
pub mod compare;
pub mod eps;
mod expectations;
pub mod external_process;
mod faults;
mod handover_measure;
mod judgement;
pub mod kept_frames;
mod key_collector;
mod key_standing;
mod key_stream_result;
pub mod ledger;
mod link_search;
pub mod mobility;
pub mod outcome;
mod played_frames;
mod recorded_capture;
mod recorded_interfaces;
mod recorded_ladder;
mod recorder;
mod releases;
pub mod run;
pub mod script;
mod scripted_links;
mod sealed_numbers;
pub mod service_flows;
pub mod statistics;
mod stolen_keys;
pub mod study;
mod subject;
pub mod traffic;
mod watch;
pub mod whole_capture;
pub mod work;
mod workers;
pub mod world;
