//! Cross-origin requests: which pages may send spans from a browser.
//!
//! Preflight and actual requests are answered as the Collector answers them: credentials are
//! always allowed, and an origin may hold one `*` for any run of characters.

use super::body::Reply;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};

/// Request headers any page may set when the configuration names none.
const DEFAULT_HEADERS: [&str; 3] = ["accept", "content-type", "x-requested-with"];
const METHODS: [&str; 3] = ["GET", "POST", "HEAD"];
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// The `cors:` section, read from the attributes of the configuration object.
#[derive(Clone, Debug, pyo3::FromPyObject)]
pub struct Cors {
    pub allowed_origins: Vec<String>,
    pub allowed_headers: Vec<String>,
    pub exposed_headers: Vec<String>,
    /// Seconds a browser may remember a preflight's answer; 0 leaves it to the browser.
    pub max_age: u64,
}

impl Cors {
    /// The answer to a preflight request; `None` for any other request.
    pub fn preflight<B>(&self, request: &Request<B>) -> Option<Response<Reply>> {
        let asked = request.headers();
        let method = asked.get(ACCESS_CONTROL_REQUEST_METHOD)?;
        if request.method() != Method::OPTIONS {
            return None;
        }
        let mut response = Response::new(Reply::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        for name in [ORIGIN, ACCESS_CONTROL_REQUEST_METHOD, ACCESS_CONTROL_REQUEST_HEADERS] {
            headers.append(VARY, HeaderValue::from(name));
        }
        let wanted = asked.get(ACCESS_CONTROL_REQUEST_HEADERS);
        let method_allowed = METHODS.iter().any(|known| method.as_bytes() == known.as_bytes());
        let headers_allowed = wanted.is_none_or(|wanted| self.allows_headers(wanted));
        if let Some(origin) = self.allowed_origin(asked)
            && method_allowed
            && headers_allowed
        {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
            if let Some(wanted) = wanted {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
            }
            if self.max_age > 0 {
                headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(self.max_age));
            }
        }
        Some(response)
    }

    /// Adds to `response` what lets the page that sent `request` read it.
    pub fn decorate(&self, request: &HeaderMap, response: &mut HeaderMap) {
        response.append(VARY, HeaderValue::from(ORIGIN));
        let Some(origin) = self.allowed_origin(request) else { return };
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        if let Ok(exposed) = HeaderValue::try_from(self.exposed_headers.join(", "))
            && !exposed.is_empty()
        {
            response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }

    /// What to answer as the allowed origin; `None` for an origin that is not, or no origin.
    fn allowed_origin(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let origin = request.get(ORIGIN)?;
        if self.allowed_origins.iter().any(|allowed| allowed == "*") {
            return Some(HeaderValue::from_static("*"));
        }
        let text = origin.to_str().ok()?.to_ascii_lowercase();
        let matches = |allowed: &String| {
            let allowed = allowed.to_ascii_lowercase();
            match allowed.split_once('*') {
                None => text == allowed,
                Some((prefix, suffix)) => {
                    text.len() >= prefix.len() + suffix.len()
                        && text.starts_with(prefix)
                        && text.ends_with(suffix)
                }
            }
        };
        self.allowed_origins.iter().any(matches).then(|| origin.clone())
    }

    fn allows_headers(&self, wanted: &HeaderValue) -> bool {
        let Ok(wanted) = wanted.to_str() else { return false };
        let allowed = |name: &str| {
            if self.allowed_headers.is_empty() {
                return DEFAULT_HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name));
            }
            self.allowed_headers
                .iter()
                .any(|known| known == "*" || known.eq_ignore_ascii_case(name))
        };
        wanted.split(',').map(str::trim).filter(|name| !name.is_empty()).all(allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(origins: &[&str]) -> Cors {
        Cors {
            allowed_origins: origins.iter().map(|origin| origin.to_string()).collect(),
            allowed_headers: vec!["X-Team".into()],
            exposed_headers: vec![],
            max_age: 60,
        }
    }

    fn allowed(origins: &[&str], origin: &str) -> Option<HeaderValue> {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::try_from(origin).unwrap());
        cors(origins).allowed_origin(&headers)
    }

    #[test]
    fn origins_match_exactly_or_by_one_star() {
        assert!(allowed(&["https://shop.example"], "https://Shop.example").is_some());
        assert!(allowed(&["https://*.example"], "https://a.b.example").is_some());
        assert!(allowed(&["https://*.example"], "https://example").is_none());
        assert!(allowed(&["https://shop.example"], "https://evil.example").is_none());
        assert_eq!(allowed(&["*"], "https://any.example").unwrap(), "*");
    }

    #[test]
    fn a_preflight_asking_for_a_foreign_header_is_told_nothing() {
        let ask = |header: &str| {
            let request = Request::options("/v1/traces")
                .header(ORIGIN, "https://shop.example")
                .header(ACCESS_CONTROL_REQUEST_METHOD, "POST")
                .header(ACCESS_CONTROL_REQUEST_HEADERS, header)
                .body(())
                .unwrap();
            let response = cors(&["https://shop.example"]).preflight(&request).unwrap();
            assert_eq!(response.status(), StatusCode::NO_CONTENT);
            response.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN)
        };
        assert!(ask("x-team"));
        assert!(!ask("x-team, x-other"));
    }
}
