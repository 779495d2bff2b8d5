//! Who is who in a network: names for comments, addresses on the backbone.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::dot16::backbone::BackboneEndpoint;
use crate::dot16::identifiers::{Bsid, MsMac};

/// A node on the backbone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its name in scripts, comments and tables.
    pub name: String,
    /// Its addresses.
    pub endpoint: BackboneEndpoint,
}

/// The nodes of a network, as every node knows them.
#[derive(Clone, Debug)]
pub struct Directory {
    /// The Authenticator with the ASN gateway.
    pub gateway: Place,
    /// The AAA server.
    pub aaa: Place,
    /// The base stations.
    pub base_stations: BTreeMap<Bsid, Place>,
    /// The names of the mobile stations.
    pub mobile_stations: BTreeMap<MsMac, String>,
}

impl Directory {
    /// The name of a BS, or its BSID if it has none.
    #[must_use]
    pub fn bs(&self, bsid: Bsid) -> String {
        self.base_stations.get(&bsid).map_or_else(|| bsid.to_string(), |place| place.name.clone())
    }

    /// The name of an MS, or its MAC address if it has none.
    #[must_use]
    pub fn ms(&self, mac: MsMac) -> String {
        self.mobile_stations.get(&mac).cloned().unwrap_or_else(|| mac.to_string())
    }

    /// The BS at a backbone address.
    #[must_use]
    pub fn bs_at(&self, ip: Ipv4Addr) -> Option<Bsid> {
        self.base_stations.iter().find(|(_, place)| place.endpoint.ip == ip).map(|(bsid, _)| *bsid)
    }
}
