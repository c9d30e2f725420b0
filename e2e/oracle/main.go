// The oracle answers, for the NetworkPolicies of a case, who may reach whom: with the matcher of cyclonus
// (https://github.com/mattfenwick/cyclonus), which shares nothing with the evaluator that it is compared with.
//
// It reads one JSON case after the other from standard input and writes one line of JSON for each.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// A place is a pod, or an address outside of the cluster where it has no namespace.
type place struct {
	Namespace       string            `json:"namespace"`
	NamespaceLabels map[string]string `json:"namespaceLabels"`
	Labels          map[string]string `json:"labels"`
	IP              string            `json:"ip"`
	Ports           []port            `json:"ports"`
}

// A port of a container that has a name.
type port struct {
	Name     string          `json:"name"`
	Protocol corev1.Protocol `json:"protocol"`
	Number   int             `json:"number"`
}

// A question is asked from every place to every place, on each number in each protocol.
type question struct {
	Policies []*networkingv1.NetworkPolicy `json:"policies"`
	Places   []place                       `json:"places"`
	Numbers  []int                         `json:"numbers"`
	// Whether cyclonus may merge rules before it answers, which must not change the answer.
	Simplify bool `json:"simplify"`
}

// An answer has a letter, 0 or 1, for each source, destination, protocol and number, in this order of nesting.
type answer struct {
	Ingress string `json:"ingress"`
	Egress  string `json:"egress"`
	Error   string `json:"error,omitempty"`
}

var protocols = []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func serve(input io.Reader, output io.Writer) error {
	decoder := json.NewDecoder(bufio.NewReader(input))
	encoder := json.NewEncoder(output)
	for {
		var asked question
		if err := decoder.Decode(&asked); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read a case: %w", err)
		}
		if err := encoder.Encode(judge(asked)); err != nil {
			return fmt.Errorf("write an answer: %w", err)
		}
	}
}

// judge asks cyclonus, which panics where it does not know what to say.
func judge(asked question) (result answer) {
	defer func() {
		if cause := recover(); cause != nil {
			result = answer{Error: fmt.Sprint(cause)}
		}
	}()
	for _, policy := range asked.Policies {
		setDefaults(policy)
	}
	policies := matcher.BuildNetworkPolicies(asked.Simplify, asked.Policies)
	var ingress, egress []byte
	for _, from := range asked.Places {
		for _, to := range asked.Places {
			for _, protocol := range protocols {
				for _, number := range asked.Numbers {
					traffic := &matcher.Traffic{
						Source:           from.peer(),
						Destination:      to.peer(),
						ResolvedPort:     number,
						ResolvedPortName: to.portName(protocol, number),
						Protocol:         protocol,
					}
					ingress = append(ingress, letter(policies.IsIngressOrEgressAllowed(traffic, true)))
					egress = append(egress, letter(policies.IsIngressOrEgressAllowed(traffic, false)))
				}
			}
		}
	}
	return answer{Ingress: string(ingress), Egress: string(egress)}
}

// setDefaults does what the API server does when it stores a policy, and cyclonus expects: see policyTypes in
// https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
func setDefaults(policy *networkingv1.NetworkPolicy) {
	if len(policy.Spec.PolicyTypes) > 0 {
		return
	}
	policy.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
	if len(policy.Spec.Egress) > 0 {
		policy.Spec.PolicyTypes = append(policy.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
	}
}

func (p place) peer() *matcher.TrafficPeer {
	if p.Namespace == "" {
		return &matcher.TrafficPeer{IP: p.IP}
	}
	internal := &matcher.InternalPeer{
		PodLabels:       p.Labels,
		NamespaceLabels: p.NamespaceLabels,
		Namespace:       p.Namespace,
	}
	return &matcher.TrafficPeer{Internal: internal, IP: p.IP}
}

func (p place) portName(protocol corev1.Protocol, number int) string {
	for _, port := range p.Ports {
		if port.Protocol == protocol && port.Number == number {
			return port.Name
		}
	}
	return ""
}

func letter(result *matcher.DirectionResult) byte {
	if result.IsAllowed() {
		return '1'
	}
	return '0'
}
