package main

import (
	"os"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

func kubeconfigPath(state state, identity string) string {
	return state.path(identity + ".kubeconfig")
}

// writeKubeconfig writes a kubeconfig with all keys inside, so that it can be
// copied elsewhere.
func writeKubeconfig(state state, identity, server string) error {
	authority, err := os.ReadFile(state.path("ca.crt"))
	if err != nil {
		return err
	}
	certificate, err := os.ReadFile(state.path(identity + ".crt"))
	if err != nil {
		return err
	}
	key, err := os.ReadFile(state.path(identity + ".key"))
	if err != nil {
		return err
	}
	const name = "msapp-e2e"
	config := api.NewConfig()
	config.Clusters[name] = &api.Cluster{Server: server, CertificateAuthorityData: authority}
	config.AuthInfos[identity] = &api.AuthInfo{ClientCertificateData: certificate, ClientKeyData: key}
	config.Contexts[name] = &api.Context{Cluster: name, AuthInfo: identity}
	config.CurrentContext = name
	return clientcmd.WriteToFile(*config, kubeconfigPath(state, identity))
}
