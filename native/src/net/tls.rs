//! TLS as the Collector's `tls:` keys say it, for servers and for clients.
//!
//! Certificates are read when a component starts, so that a wrong path is a startup error, and
//! read again at a handshake once `reload_interval` has passed; a reload that fails keeps what
//! was loaded last.

use super::runtime;
use pyo3::prelude::*;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme,
    SupportedCipherSuite, SupportedProtocolVersion,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The keys servers and clients share; read from the attributes of the configuration object.
/// Empty text is no value.
#[derive(Clone, Debug, Default, FromPyObject)]
pub struct TlsOptions {
    pub ca_file: String,
    #[pyo3(from_py_with = secret)]
    pub ca_pem: String,
    pub cert_file: String,
    #[pyo3(from_py_with = secret)]
    pub cert_pem: String,
    pub key_file: String,
    #[pyo3(from_py_with = secret)]
    pub key_pem: String,
    pub include_system_ca_certs_pool: bool,
    pub min_version: String,
    pub max_version: String,
    pub cipher_suites: Vec<String>,
    pub curve_preferences: Vec<String>,
    /// Seconds; 0 for never.
    pub reload_interval: f64,
}

/// `tls:` of what listens.
#[derive(Clone, Debug, Default)]
pub struct TlsServerOptions {
    common: TlsOptions,
    /// Who may connect; set, every client must show a certificate.
    client_ca_file: String,
    client_ca_file_reload: bool,
}

/// `tls:` of what connects.
#[derive(Clone, Debug, Default)]
pub struct TlsClientOptions {
    common: TlsOptions,
    insecure_skip_verify: bool,
    /// The name to ask for and to verify instead of the endpoint's.
    pub server_name_override: String,
}

impl<'py> FromPyObject<'_, 'py> for TlsServerOptions {
    type Error = PyErr;

    fn extract(config: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self {
            common: config.extract()?,
            client_ca_file: config.getattr("client_ca_file")?.extract()?,
            client_ca_file_reload: config.getattr("client_ca_file_reload")?.extract()?,
        })
    }
}

impl<'py> FromPyObject<'_, 'py> for TlsClientOptions {
    type Error = PyErr;

    fn extract(config: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self {
            common: config.extract()?,
            insecure_skip_verify: config.getattr("insecure_skip_verify")?.extract()?,
            server_name_override: config.getattr("server_name_override")?.extract()?,
        })
    }
}

/// The text of a `Secret`.
pub fn secret(value: &Bound<'_, PyAny>) -> PyResult<String> {
    value.call_method0("get_secret_value")?.extract()
}

/// How often a file named by `client_ca_file_reload` alone is read again.
const CLIENT_CA_RELOAD_SECONDS: f64 = 10.0;

/// A TLS configuration that is built again from its files now and then.
pub struct Reloading<T> {
    load: Box<dyn Fn() -> Result<T, String> + Send + Sync>,
    interval: Option<Duration>,
    current: Mutex<(Arc<T>, Instant)>,
}

impl<T> Reloading<T> {
    fn new(
        load: impl Fn() -> Result<T, String> + Send + Sync + 'static,
        interval_seconds: f64,
    ) -> Result<Self, String> {
        let current = Mutex::new((Arc::new(load()?), Instant::now()));
        let interval = Duration::try_from_secs_f64(interval_seconds).ok();
        Ok(Self {
            load: Box::new(load),
            interval: interval.filter(|time| !time.is_zero()),
            current,
        })
    }

    /// The configuration for the next handshake.
    pub fn current(&self) -> Arc<T> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if self.interval.is_some_and(|interval| current.1.elapsed() >= interval) {
            current.1 = Instant::now();
            match (self.load)() {
                Ok(loaded) => current.0 = Arc::new(loaded),
                Err(error) => warn(format!("reading certificates again failed; {error}")),
            }
        }
        current.0.clone()
    }
}

/// Logs a warning from a thread that may wait for Python, which a socket thread may not.
fn warn(message: String) {
    let log = move |py: Python<'_>| -> PyResult<()> {
        let logger = py.import("logging")?.call_method1("getLogger", ("ananta.tls",))?;
        logger.call_method1("warning", ("TLS: %s", message)).map(drop)
    };
    runtime::handle().spawn_blocking(move || {
        Python::try_attach(|py| log(py).unwrap_or_else(|error| error.print(py)))
    });
}

/// A server's side; `alpn` are the protocols it offers.
///
/// Errors are one line that begins with the key at fault.
pub fn server(
    options: TlsServerOptions,
    alpn: &'static [&'static [u8]],
) -> Result<Reloading<ServerConfig>, String> {
    let mut seconds = options.common.reload_interval;
    if options.client_ca_file_reload && seconds == 0.0 {
        seconds = CLIENT_CA_RELOAD_SECONDS;
    }
    Reloading::new(move || server_config(&options, alpn), seconds)
}

/// A client's side; `alpn` are the protocols it offers.
pub fn client(
    options: TlsClientOptions,
    alpn: &'static [&'static [u8]],
) -> Result<Reloading<ClientConfig>, String> {
    let seconds = options.common.reload_interval;
    Reloading::new(move || client_config(&options, alpn), seconds)
}

fn server_config(server: &TlsServerOptions, alpn: &[&[u8]]) -> Result<ServerConfig, String> {
    let options = &server.common;
    let provider = Arc::new(provider(options)?);
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions(options)?)
        .map_err(|error| format!("min_version: {error}"))?;
    let builder = match server.client_ca_file.as_str() {
        "" => builder.with_no_client_auth(),
        path => {
            let roots = Arc::new(roots("client_ca_file", &read_file("client_ca_file", path)?)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider)
                .build()
                .map_err(|error| format!("client_ca_file: {error}"))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let (chain, key) = identity(options)?
        .ok_or("cert_file: a server needs a certificate; set cert_file and key_file")?;
    let mut config =
        builder.with_single_cert(chain, key).map_err(|error| format!("cert_file: {error}"))?;
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Ok(config)
}

fn client_config(client: &TlsClientOptions, alpn: &[&[u8]]) -> Result<ClientConfig, String> {
    let options = &client.common;
    let provider = Arc::new(provider(options)?);
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions(options)?)
        .map_err(|error| format!("min_version: {error}"))?;
    let builder = if client.insecure_skip_verify {
        let algorithms = provider.signature_verification_algorithms;
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyServer(algorithms)))
    } else {
        let verifier = WebPkiServerVerifier::builder_with_provider(trusted(options)?, provider)
            .build()
            .map_err(|error| format!("ca_file: {error}"))?;
        builder.with_webpki_verifier(verifier)
    };
    let mut config = match identity(options)? {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|error| format!("cert_file: {error}"))?,
    };
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Ok(config)
}

/// The authorities a client trusts: those named, else (or besides) the system's.
fn trusted(options: &TlsOptions) -> Result<Arc<RootCertStore>, String> {
    let named = pem("ca", &options.ca_file, &options.ca_pem)?;
    let mut store = match &named {
        Some((key, text)) => roots(key, text)?,
        None => RootCertStore::empty(),
    };
    if named.is_none() || options.include_system_ca_certs_pool {
        let system = rustls_native_certs::load_native_certs();
        store.add_parsable_certificates(system.certs);
    }
    if store.is_empty() {
        return Err("ca_file: this machine has no trusted certificates; set ca_file".into());
    }
    Ok(Arc::new(store))
}

fn roots(key: &str, text: &[u8]) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(key, text)? {
        store.add(certificate).map_err(|error| format!("{key}: {error}"))?;
    }
    Ok(store)
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(options: &TlsOptions) -> Result<Option<Identity>, String> {
    let certificate = pem("cert", &options.cert_file, &options.cert_pem)?;
    let key = pem("key", &options.key_file, &options.key_pem)?;
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(_), None) => {
            Err("key_file: missing; cert_file needs the key that belongs to it".into())
        }
        (None, Some(_)) => {
            Err("cert_file: missing; key_file needs the certificate it belongs to".into())
        }
        (Some((cert_name, cert_text)), Some((key_name, key_text))) => {
            let chain = certificates(&cert_name, &cert_text)?;
            let key = PrivateKeyDer::from_pem_slice(&key_text)
                .map_err(|error| format!("{key_name}: no private key in PEM form: {error}"))?;
            Ok(Some((chain, key)))
        }
    }
}

fn certificates(key: &str, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(text)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("{key}: not PEM: {error}"))?;
    if certificates.is_empty() {
        return Err(format!("{key}: no certificate in PEM form"));
    }
    Ok(certificates)
}

/// The text of `<name>_file` or `<name>_pem`, with the key it came from.
fn pem(name: &str, file: &str, text: &str) -> Result<Option<(String, Vec<u8>)>, String> {
    let key = format!("{name}_file");
    match (file, text) {
        ("", "") => Ok(None),
        ("", text) => Ok(Some((format!("{name}_pem"), text.as_bytes().to_vec()))),
        (path, _) => Ok(Some((key.clone(), read_file(&key, path)?))),
    }
}

fn read_file(key: &str, path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{key}: {path}: {error}"))
}

fn versions(options: &TlsOptions) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let rank = |key: &str, value: &str, default: usize| match value {
        "" => Ok(default),
        // Versions below 1.2 are not spoken here, so 1.2 is the least whatever is asked.
        "1.0" | "1.1" if key == "min_version" => Ok(0),
        "1.2" => Ok(0),
        "1.3" => Ok(1),
        other => Err(format!("{key}: TLS {other} is not supported; write 1.2 or 1.3")),
    };
    let first = rank("min_version", &options.min_version, 0)?;
    let last = rank("max_version", &options.max_version, 1)?;
    if first > last {
        return Err("max_version: 1.2 is below min_version 1.3".into());
    }
    Ok([&TLS12, &TLS13][first..=last].to_vec())
}

/// The provider with the suites and curves named.
fn provider(options: &TlsOptions) -> Result<CryptoProvider, String> {
    let mut provider = ring::default_provider();
    if !options.cipher_suites.is_empty() {
        choose_suites(&mut provider, &options.cipher_suites)?;
    }
    let curve = |name: &String| match name.as_str() {
        "X25519" => Ok(ring::kx_group::X25519),
        "P256" => Ok(ring::kx_group::SECP256R1),
        "P384" => Ok(ring::kx_group::SECP384R1),
        other => Err(format!(
            "curve_preferences: {other:?} is not supported; choose from X25519, P256, P384"
        )),
    };
    if !options.curve_preferences.is_empty() {
        provider.kx_groups =
            options.curve_preferences.iter().map(curve).collect::<Result<_, _>>()?;
    }
    Ok(provider)
}

/// Keeps the TLS 1.2 suites named; those of TLS 1.3 can't be chosen, as in Go.
fn choose_suites(provider: &mut CryptoProvider, wanted: &[String]) -> Result<(), String> {
    let name = |suite: &SupportedCipherSuite| suite.suite().as_str().unwrap_or_default();
    // Go also knows the ChaCha suites by names without the hash at the end.
    let is =
        |suite: &SupportedCipherSuite, wanted: &String| name(suite).starts_with(wanted.as_str());
    for wanted in wanted {
        if !provider.cipher_suites.iter().any(|suite| is(suite, wanted)) {
            let known: Vec<_> = provider.cipher_suites.iter().map(name).collect();
            let known = known.join(", ");
            return Err(format!("cipher_suites: {wanted:?} is not supported; choose from {known}"));
        }
    }
    provider
        .cipher_suites
        .retain(|suite| suite.tls13().is_some() || wanted.iter().any(|wanted| is(suite, wanted)));
    Ok(())
}

/// Takes any certificate, as `insecure_skip_verify` asks; signatures are still checked.
#[derive(Debug)]
struct AnyServer(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
