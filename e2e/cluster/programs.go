package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/etcdmain"
	helmcmd "helm.sh/helm/v4/pkg/cmd"
	helmkube "helm.sh/helm/v4/pkg/kube"
	genericapiserver "k8s.io/apiserver/pkg/server"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // exec credentials in a user's kubeconfig
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"          // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client metrics of the components
	_ "k8s.io/component-base/metrics/prometheus/version"  // kubernetes_build_info
	kubectlcmd "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserverapp "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanagerapp "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	schedulerapp "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kwokconfig "sigs.k8s.io/kwok/pkg/config"
	kwokcmd "sigs.k8s.io/kwok/pkg/kwok/cmd"
	kwoklog "sigs.k8s.io/kwok/pkg/log"
	"sigs.k8s.io/kwok/pkg/utils/signals"
	metricsapp "sigs.k8s.io/metrics-server/cmd/metrics-server/app"
	_ "time/tzdata" // time zones of CronJobs, on machines that have none
)

func etcd() int {
	etcdmain.Main(os.Args)
	return 0
}

func kubeAPIServer() int {
	return cli.Run(apiserverapp.NewAPIServerCommand())
}

func kubeControllerManager() int {
	return cli.Run(controllermanagerapp.NewControllerManagerCommand())
}

func kubeScheduler() int {
	return cli.Run(schedulerapp.NewSchedulerCommand())
}

func metricsServer() int {
	stop := genericapiserver.SetupSignalHandler()
	return cli.Run(metricsapp.NewMetricsServerCommand(stop))
}

func kubectl() int {
	command := kubectlcmd.NewDefaultKubectlCommand()
	if err := cli.RunNoErrOutput(command); err != nil {
		kubectlutil.CheckErr(err) // prints and exits the way kubectl does
	}
	return 0
}

func helm() int {
	// Otherwise the manager would carry the name of this binary.
	helmkube.ManagedFieldsManager = "helm"
	command, err := helmcmd.NewRootCmd(os.Stdout, os.Args[1:], helmcmd.SetupLogging)
	if err != nil {
		return failed(err)
	}
	if err := command.Execute(); err != nil {
		var wanted helmcmd.CommandError
		if errors.As(err, &wanted) {
			return wanted.ExitCode
		}
		return 1
	}
	return 0
}

func kwok() int {
	// Every cobra command takes over the global flags. The Kubernetes
	// components linked in here have put some there that KWOK defines too.
	pflag.CommandLine = pflag.NewFlagSet("kwok", pflag.ContinueOnError)
	flags := pflag.NewFlagSet("kwok-global", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	ctx, _ := kwoklog.InitFlags(signals.SetupSignalContext(), flags)
	ctx, err := kwokconfig.InitFlags(ctx, flags)
	if err != nil {
		return failed(err)
	}
	var command *cobra.Command = kwokcmd.NewCommand(ctx)
	command.PersistentFlags().AddFlagSet(flags)
	if err := command.ExecuteContext(ctx); err != nil {
		return failed(err)
	}
	return 0
}

// failed prints the error and gives the exit code for it.
func failed(err error) int {
	fmt.Fprintln(os.Stderr, "cluster:", err)
	return 1
}
