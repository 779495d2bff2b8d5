//! What a network of keyhop does, and what the program says: everything but what needs a process, an allocator or long runs of
//! its own. One program, so that it is linked once and its tests share the cores.

#[path = "../support/mod.rs"]
mod support;

mod aaa;
mod attack_language;
mod attack_results;
mod attacks;
mod caches;
mod calculator;
mod command_line;
mod compare;
mod compromise;
mod counts;
mod data_plane;
mod denial_of_service;
mod determinism;
mod e2m_compare;
mod e2m_keys;
mod e2m_sessions;
mod emulation_kernel;
mod eps_access;
mod eps_authentication;
mod eps_calculator;
mod eps_command_line;
mod eps_compare;
mod eps_eavesdropper;
#[allow(dead_code)]
#[path = "../support/eps_enterprise.rs"]
mod eps_enterprise;
mod eps_failures;
mod eps_gtp_requests;
mod eps_handover;
mod eps_idle;
mod eps_layers;
mod eps_links;
#[path = "../support/eps_network.rs"]
mod eps_network;
mod eps_origin;
mod eps_relocation;
mod eps_rlos;
mod eps_user_plane;
mod eps_user_plane_entities;
mod eps_utran;
mod faults;
mod foreign_judge;
mod forger;
mod handover;
mod key_exchange;
mod key_rules;
mod ladder;
mod long_captures;
mod mobility;
mod modes;
mod network_entry;
mod opposites;
mod parlos_attaches;
mod parlos_compare;
mod published_vectors;
mod reauthentication;
mod scale;
mod scripts;
mod statement_table;
mod study;
mod tek_life;
mod traces;
mod transfer_compare;
mod user_traffic;
