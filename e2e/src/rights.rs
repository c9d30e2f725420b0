//! What roles grant to somebody, compared with what he asked the API server for.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use kube::{Api, Client, ResourceExt, api::ListParams};

use crate::{
    access::Access,
    requests::{Request, Requests},
};

/// All that the roles of a ServiceAccount grant, as the API server holds them.
#[derive(Clone, Debug)]
pub struct Rights(Vec<Right>);

/// One verb on one resource.
#[derive(Clone, Debug)]
struct Right {
    /// Where it is granted; everywhere when there is none.
    namespace: Option<String>,
    verb: String,
    group: String,
    /// With its subresource, as in `microserviceapps/status`.
    resource: String,
    /// Of what it is granted; of all of this resource when there is none.
    name: Option<String>,
}

impl Rights {
    /// What a ServiceAccount is granted by name. What everybody may is not part of it.
    ///
    /// # Errors
    /// When nothing is granted: then nothing can be compared.
    pub async fn of(access: &Access, namespace: &str, service_account: &str) -> Result<Self> {
        let client = access.client().await?;
        let is_subject = |subject: &Subject| {
            subject.name == service_account && subject.namespace.as_deref() == Some(namespace)
        };
        let mut rights = Vec::new();
        for binding in Api::<ClusterRoleBinding>::all(client.clone()).list(&ListParams::default()).await? {
            if binding.subjects.iter().flatten().any(is_subject) {
                rights.extend(granted(&rules(&client, &binding.role_ref, None).await?, None));
            }
        }
        for binding in Api::<RoleBinding>::all(client.clone()).list(&ListParams::default()).await? {
            if binding.subjects.iter().flatten().any(is_subject) {
                let within = binding.namespace();
                let rules = rules(&client, &binding.role_ref, within.as_deref()).await?;
                rights.extend(granted(&rules, within.as_deref()));
            }
        }
        ensure!(!rights.is_empty(), "nothing is granted to {namespace}/{service_account}");
        Ok(Self(rights))
    }

    /// How many there are, each verb on each resource for itself.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Those that none of the requests needed.
    pub fn unused(&self, requests: &Requests) -> Vec<String> {
        let used = |right: &Right| {
            requests.iter().any(|request| verbs(request).iter().any(|verb| right.covers(request, verb)))
        };
        self.0.iter().filter(|right| !used(right)).map(Right::to_string).collect()
    }

    /// What was asked for without being granted. Questions about oneself and paths such as `/version`, which are open to
    /// everybody, are not among it.
    pub fn exceeded(&self, requests: &Requests) -> Requests {
        requests.filter(|request| {
            let granted = |verb: &&str| self.0.iter().any(|right| right.covers(request, verb));
            !request.resource.is_empty() && !request.is_question() && !verbs(request).iter().all(granted)
        })
    }
}

impl Right {
    fn covers(&self, request: &Request, verb: &str) -> bool {
        let part = if request.subresource.is_empty() { "" } else { "/" };
        self.verb == verb
            && self.group == request.group()
            && self.resource == format!("{}{part}{}", request.resource, request.subresource)
            && self.namespace.as_ref().is_none_or(|namespace| *namespace == request.namespace)
            && self.name.as_ref().is_none_or(|name| *name == request.name)
    }
}

impl std::fmt::Display for Right {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}/{}", self.verb, self.group, self.resource)?;
        if let Some(name) = &self.name {
            write!(formatter, " {name}")?;
        }
        match &self.namespace {
            Some(namespace) => write!(formatter, " in {namespace}"),
            None => Ok(()),
        }
    }
}

/// The verbs that a request needs: whoever applies an object that does not exist creates it.
fn verbs(request: &Request) -> Vec<&str> {
    match request.verb.as_str() {
        "patch" if request.code == 201 => vec!["patch", "create"],
        verb => vec![verb],
    }
}

async fn rules(client: &Client, role: &RoleRef, namespace: Option<&str>) -> Result<Vec<PolicyRule>> {
    let rules = if role.kind == "Role" {
        let namespace = namespace.context("a binding of the cluster names no role of a namespace")?;
        Api::<Role>::namespaced(client.clone(), namespace).get(&role.name).await?.rules
    } else {
        Api::<ClusterRole>::all(client.clone()).get(&role.name).await?.rules
    };
    Ok(rules.unwrap_or_default())
}

fn granted(rules: &[PolicyRule], namespace: Option<&str>) -> Vec<Right> {
    let mut rights = Vec::new();
    for rule in rules {
        let names = rule.resource_names.iter().flatten().cloned().map(Some);
        let names: Vec<_> = names.collect();
        let names = if names.is_empty() { vec![None] } else { names };
        for group in rule.api_groups.iter().flatten() {
            for resource in rule.resources.iter().flatten() {
                for (verb, name) in
                    rule.verbs.iter().flat_map(|verb| names.iter().map(move |name| (verb, name)))
                {
                    rights.push(Right {
                        namespace: namespace.map(str::to_owned),
                        verb: verb.clone(),
                        group: group.clone(),
                        resource: resource.clone(),
                        name: name.clone(),
                    });
                }
            }
        }
    }
    rights
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = r#"{"stage":"ResponseComplete","verb":"patch","requestURI":"/apis/apps/v1/namespaces/shop/deployments/web","objectRef":{"resource":"deployments","namespace":"shop","name":"web"},"responseStatus":{"code":201}}
{"stage":"ResponseComplete","verb":"get","requestURI":"/api/v1/namespaces/own/secrets/key","objectRef":{"resource":"secrets","namespace":"own","name":"key"},"responseStatus":{"code":200}}
{"stage":"ResponseComplete","verb":"get","requestURI":"/version","responseStatus":{"code":200}}
"#;

    fn rights(namespace: Option<&str>, rule: serde_json::Value) -> Vec<Right> {
        granted(&[serde_json::from_value(rule).expect("a rule")], namespace)
    }

    fn deployments() -> Vec<Right> {
        let rule = serde_json::json!({"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch", "create", "delete"]});
        rights(None, rule)
    }

    fn key(name: &str, namespace: &str) -> Vec<Right> {
        let rule = serde_json::json!({"apiGroups": [""], "resources": ["secrets"], "resourceNames": [name], "verbs": ["get"]});
        rights(Some(namespace), rule)
    }

    fn requests() -> Requests {
        Requests::parse(LOG).expect("the log can be read")
    }

    #[test]
    fn an_apply_that_makes_an_object_needs_two_verbs() {
        let rights = Rights([deployments(), key("key", "own")].concat());
        assert_eq!(rights.unused(&requests()), ["delete apps/deployments"]);
        assert!(rights.exceeded(&requests()).is_empty());
    }

    #[test]
    fn a_right_counts_for_its_name_and_its_namespace_alone() {
        for (name, namespace) in [("other", "own"), ("key", "other")] {
            let rights = Rights([deployments(), key(name, namespace)].concat());
            let unused =
                ["delete apps/deployments".to_owned(), format!("get /secrets {name} in {namespace}")];
            assert_eq!(rights.unused(&requests()), unused);
            assert_eq!(rights.exceeded(&requests()).on("secrets").len(), 1);
        }
    }
}
