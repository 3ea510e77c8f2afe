//! Certificates for throwaway servers: a good one, and those that nobody may trust.

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};

/// A certificate with its key, as PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) cert: String,
    pub(crate) key: String,
}

/// An authority.
pub(crate) struct Authority {
    /// Its certificate, as PEM.
    pub(crate) cert: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let cert = params.self_signed(&key).unwrap().pem();
        Self { cert, issuer: Issuer::new(params, key) }
    }

    /// A server's certificate for this name, changed before it is signed.
    pub(crate) fn server(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut params);
        self.sign(&params)
    }

    /// A client's certificate.
    pub(crate) fn client(&self, user: &str) -> Pair {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.distinguished_name.push(DnType::CommonName, user);
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Pair {
        let key = KeyPair::generate().unwrap();
        Pair { cert: params.signed_by(&key, &self.issuer).unwrap().pem(), key: key.serialize_pem() }
    }
}

/// A certificate that is its own authority.
pub(crate) fn self_signed(name: &str, is_authority: bool) -> Pair {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    if is_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let key = KeyPair::generate().unwrap();
    Pair { cert: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

/// What is wrong, the certificate of a server at this address, and what is said about it.
pub(crate) fn bad(authority: &Authority, address: IpAddr) -> Vec<(&'static str, Pair, &'static str)> {
    let name = address.to_string();
    let unknown = Authority::new("an authority that nobody knows");
    let dated = |from: i32, to: i32| {
        authority.server(&name, |params| {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(to, 1, 1);
        })
    };
    let only_cn = authority.server(&name, |params| {
        params.subject_alt_names.clear();
        params.distinguished_name.push(DnType::CommonName, &*name);
    });
    vec![
        ("self-signed", self_signed(&name, false), "its authority is unknown"),
        ("an authority's own", self_signed(&name, true), "it is self-signed"),
        ("of an unknown authority", unknown.server(&name, |_| ()), "its authority is unknown"),
        ("for another address", authority.server("192.0.2.77", |_| ()), "it is for another host"),
        ("for another name", authority.server("db.example.com", |_| ()), "it is for another host"),
        ("with a CN only", only_cn, "it is for another host"),
        ("expired", dated(2020, 2021), "it has expired"),
        ("not yet valid", dated(2090, 2091), "it is not valid yet"),
    ]
}
