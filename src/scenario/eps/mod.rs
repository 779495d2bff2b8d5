//! From a script of EPS to a run.
//!
//! * [`world`] with `builder`: a script becomes nodes, links and an adversary; [`topology`]: who is where.
//! * [`run`]: the run itself: traffic in, capture, key log and document out.
//! * `recorder` with `epochs`, `contexts`, `visits`, `measures`, `keys`, `radio_annotations`, `recorded_capture`, `ladder`, `attack_results`
//!   and `expectations`: what is made of frames and of what nodes report.
//! * [`enterprise`]: what is made of runs with end points in an enterprise; `enterprise_nodes`: their nodes.
//! * [`compare`]: the schemes side by side, on random walks; [`transfer_compare`]: context transfer against authentication;
//!   [`e2m_compare`]: settings of e2m keys; [`e2m_race`]: their race with an authentication.
//! * [`attaches`]: what becomes of attaches for RLOS; `rlos`: what UEs and MMEs have for them; [`parlos_compare`]: their variants against
//!   attacks.
//! * [`pdcp_udp`]: the other form of the capture, which shows user packets too.

pub mod attaches;
pub mod attack_results;
mod builder;
pub mod compare;
mod contexts;
pub mod e2m_compare;
pub mod e2m_race;
pub mod enterprise;
mod enterprise_attacks;
mod enterprise_nodes;
mod epochs;
mod expectations;
mod keys;
mod ladder;
mod link_keys;
mod measures;
pub mod parlos_compare;
pub mod pdcp_udp;
mod radio_annotations;
mod recorded_capture;
mod recorder;
mod rlos;
pub mod run;
pub mod topology;
pub mod transfer_compare;
mod visits;
pub mod world;
