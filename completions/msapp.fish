# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_msapp_global_optspecs
    string join \n h/help V/version
end

function __fish_msapp_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_msapp_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_msapp_using_subcommand
    set -l cmd (__fish_msapp_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c msapp -n "__fish_msapp_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c msapp -n "__fish_msapp_needs_command" -s V -l version -d 'Print version'
complete -c msapp -n "__fish_msapp_needs_command" -f -a "controller" -d 'Runs the operator until SIGTERM'
complete -c msapp -n "__fish_msapp_needs_command" -f -a "crd" -d 'Prints the CustomResourceDefinition'
complete -c msapp -n "__fish_msapp_needs_command" -f -a "check" -d 'Checks MicroserviceApps without a cluster and shows every mistake at once'
complete -c msapp -n "__fish_msapp_needs_command" -f -a "render" -d 'Prints every object that the operator applies for a MicroserviceApp, without a cluster'
complete -c msapp -n "__fish_msapp_needs_command" -f -a "plan" -d 'Shows what a MicroserviceApp would change in the cluster, and which services restart, and why'
complete -c msapp -n "__fish_msapp_needs_command" -f -a "prove" -d 'Proves that the NetworkPolicies of a MicroserviceApp open what it declares and nothing else'
complete -c msapp -n "__fish_msapp_needs_command" -f -a "why" -d 'Tells whether one may talk to the other, and which line of the resource says so or would'
complete -c msapp -n "__fish_msapp_needs_command" -f -a "impact" -d 'Tells what breaks when one service, backing service or external service is down'
complete -c msapp -n "__fish_msapp_needs_command" -f -a "explain" -d 'Tells each effective value of a service, and the line that it comes from'
complete -c msapp -n "__fish_msapp_needs_command" -f -a "graph" -d 'Draws what calls what, without a cluster'
complete -c msapp -n "__fish_msapp_needs_command" -f -a "status" -d 'Shows how an app is: its services as a tree, callers above what they call, and the first thing that is broken'
complete -c msapp -n "__fish_msapp_needs_command" -f -a "completion" -d 'Prints the completion script of a shell'
complete -c msapp -n "__fish_msapp_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c msapp -n "__fish_msapp_using_subcommand controller" -l watch-namespaces -d 'Namespaces to look after, with commas between them; none are all' -r
complete -c msapp -n "__fish_msapp_using_subcommand controller" -l namespace -d 'Namespace of the operator itself, where its Lease and its digest key live' -r
complete -c msapp -n "__fish_msapp_using_subcommand controller" -l identity -d 'Who holds the lease; the host name with something random when nothing is said' -r
complete -c msapp -n "__fish_msapp_using_subcommand controller" -l leader-election -d 'Whether to take part in the election of a leader: needed when there is more than one replica' -r -f -a "true\t''
false\t''"
complete -c msapp -n "__fish_msapp_using_subcommand controller" -l lease-name -d 'Name of the Lease' -r
complete -c msapp -n "__fish_msapp_using_subcommand controller" -l lease-duration -d 'How long a leader may be silent before another takes over' -r
complete -c msapp -n "__fish_msapp_using_subcommand controller" -l read-secrets -d 'Whether to watch which Secrets there are, and to read those that resources refer to in order to hash them' -r -f -a "true\t''
false\t''"
complete -c msapp -n "__fish_msapp_using_subcommand controller" -l listen -d 'Address of /livez, /readyz and /metrics' -r
complete -c msapp -n "__fish_msapp_using_subcommand controller" -l concurrency -d 'Reconciles side by side' -r
complete -c msapp -n "__fish_msapp_using_subcommand controller" -l log-level -d 'What is logged: a level, or a filter such as `info,msapp=debug`' -r
complete -c msapp -n "__fish_msapp_using_subcommand controller" -l log-format -d 'How it is logged' -r -f -a "json\t'One JSON object per line'
text\t'For people'"
complete -c msapp -n "__fish_msapp_using_subcommand controller" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c msapp -n "__fish_msapp_using_subcommand crd" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c msapp -n "__fish_msapp_using_subcommand check" -s o -l output -d 'How mistakes are printed' -r -f -a "text\t'As a compiler prints them'
json\t'An array of {file, line, column, path, code, severity, message, suggestion, page}'"
complete -c msapp -n "__fish_msapp_using_subcommand check" -l fail-on -d 'The least weight that makes the command fail' -r -f -a "error\t'What the operator would not apply'
warning\t'What is very likely a mistake, too'
advice\t'What is worth a thought, too'"
complete -c msapp -n "__fish_msapp_using_subcommand check" -s n -l namespace -d 'Namespace of resources that name none' -r
complete -c msapp -n "__fish_msapp_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c msapp -n "__fish_msapp_using_subcommand render" -s o -l output -d 'What is printed' -r -f -a "yaml\t'One YAML document for each object'
json\t'One v1 List'"
complete -c msapp -n "__fish_msapp_using_subcommand render" -s n -l namespace -d 'Namespace of resources that name none' -r
complete -c msapp -n "__fish_msapp_using_subcommand render" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c msapp -n "__fish_msapp_using_subcommand plan" -s n -l namespace -d 'Namespace of resources that name none; that of the kubeconfig\'s context when absent' -r
complete -c msapp -n "__fish_msapp_using_subcommand plan" -l context -d 'Context of the kubeconfig' -r
complete -c msapp -n "__fish_msapp_using_subcommand plan" -l observed -d 'Compares with the objects in a file, as `kubectl get -o yaml --show-managed-fields` prints them, and asks no cluster' -r -F
complete -c msapp -n "__fish_msapp_using_subcommand plan" -s o -l output -d 'How the plan is printed' -r -f -a "text\t'For people'
json\t'An array with an object for each app'"
complete -c msapp -n "__fish_msapp_using_subcommand plan" -l exit-code -d 'Ends with exit code 3 when there is something to do'
complete -c msapp -n "__fish_msapp_using_subcommand plan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c msapp -n "__fish_msapp_using_subcommand prove" -s o -l output -d 'How the proof is printed' -r -f -a "text\t'One line of result, and the table of who may reach whom'
json\t'An array of {app, namespace, isolated, counts, matrix, closed, differences}'"
complete -c msapp -n "__fish_msapp_using_subcommand prove" -s n -l namespace -d 'Namespace of resources that name none' -r
complete -c msapp -n "__fish_msapp_using_subcommand prove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c msapp -n "__fish_msapp_using_subcommand why" -l app -d 'Which of several apps in it is meant' -r
complete -c msapp -n "__fish_msapp_using_subcommand why" -s n -l namespace -d 'Namespace of resources that name none' -r
complete -c msapp -n "__fish_msapp_using_subcommand why" -l context -d 'Context of the kubeconfig; implies --live' -r
complete -c msapp -n "__fish_msapp_using_subcommand why" -s o -l output -d 'How it is printed' -r -f -a "text\t'A few lines'
json\t'An object {app, namespace, from, to, port, asked, allowed, ports, ends, reasons, remedy, live}'"
complete -c msapp -n "__fish_msapp_using_subcommand why" -l live -d 'Look into the cluster too'
complete -c msapp -n "__fish_msapp_using_subcommand why" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c msapp -n "__fish_msapp_using_subcommand impact" -l app -d 'Which of several apps in it is meant' -r
complete -c msapp -n "__fish_msapp_using_subcommand impact" -s n -l namespace -d 'Namespace of resources that name none' -r
complete -c msapp -n "__fish_msapp_using_subcommand impact" -s o -l output -d 'How it is printed' -r -f -a "text\t'A tree'
json\t'An object {app, namespace, down, hard, soft, events, entries}'"
complete -c msapp -n "__fish_msapp_using_subcommand impact" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c msapp -n "__fish_msapp_using_subcommand explain" -l app -d 'Which of several apps in it is meant' -r
complete -c msapp -n "__fish_msapp_using_subcommand explain" -s n -l namespace -d 'Namespace of resources that name none' -r
complete -c msapp -n "__fish_msapp_using_subcommand explain" -s o -l output -d 'How it is printed' -r -f -a "text\t'A table for each section'
json\t'An object {app, namespace, service, path, facts: [{field, value, declared, because}]}'"
complete -c msapp -n "__fish_msapp_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c msapp -n "__fish_msapp_using_subcommand graph" -s o -l output -d 'The form of the picture' -r -f -a "text\t'A list for terminals: each service with what it calls and who calls it'
mermaid\t'A Mermaid flowchart'
dot\t'A Graphviz digraph'
svg\t'A picture of its own, light or dark as the reader has it'"
complete -c msapp -n "__fish_msapp_using_subcommand graph" -l domain -d 'Draws one domain and its neighbours' -r
complete -c msapp -n "__fish_msapp_using_subcommand graph" -s n -l namespace -d 'Namespace of resources that name none' -r
complete -c msapp -n "__fish_msapp_using_subcommand graph" -l events -d 'Draws events between those who publish and those who consume them, in the place of their edges to brokers'
complete -c msapp -n "__fish_msapp_using_subcommand graph" -l policy -d 'Draws what the network policies admit, as their proof finds it, and marks where that is not what is declared'
complete -c msapp -n "__fish_msapp_using_subcommand graph" -l by-domain -d 'Draws each domain as one, with how many edges lead from one to another'
complete -c msapp -n "__fish_msapp_using_subcommand graph" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c msapp -n "__fish_msapp_using_subcommand status" -s n -l namespace -d 'Namespace; that of the kubeconfig\'s context when absent' -r
complete -c msapp -n "__fish_msapp_using_subcommand status" -l timeout -d 'How long --until-ready waits: 90s, 5m, 1h' -r
complete -c msapp -n "__fish_msapp_using_subcommand status" -l context -d 'Context of the kubeconfig' -r
complete -c msapp -n "__fish_msapp_using_subcommand status" -s o -l output -d 'How the status is printed' -r -f -a "text\t'A tree, or a table of several apps'
json\t'An object for NAME, else an array of them'"
complete -c msapp -n "__fish_msapp_using_subcommand status" -s A -l all-namespaces -d 'The apps of all namespaces'
complete -c msapp -n "__fish_msapp_using_subcommand status" -s w -l watch -d 'Shows every change: redraws the tree on a terminal, appends lines elsewhere'
complete -c msapp -n "__fish_msapp_using_subcommand status" -l until-ready -d 'Watches until everything is ready at the current generation'
complete -c msapp -n "__fish_msapp_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c msapp -n "__fish_msapp_using_subcommand completion" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c msapp -n "__fish_msapp_using_subcommand help; and not __fish_seen_subcommand_from controller crd check render plan prove why impact explain graph status completion help" -f -a "controller" -d 'Runs the operator until SIGTERM'
complete -c msapp -n "__fish_msapp_using_subcommand help; and not __fish_seen_subcommand_from controller crd check render plan prove why impact explain graph status completion help" -f -a "crd" -d 'Prints the CustomResourceDefinition'
complete -c msapp -n "__fish_msapp_using_subcommand help; and not __fish_seen_subcommand_from controller crd check render plan prove why impact explain graph status completion help" -f -a "check" -d 'Checks MicroserviceApps without a cluster and shows every mistake at once'
complete -c msapp -n "__fish_msapp_using_subcommand help; and not __fish_seen_subcommand_from controller crd check render plan prove why impact explain graph status completion help" -f -a "render" -d 'Prints every object that the operator applies for a MicroserviceApp, without a cluster'
complete -c msapp -n "__fish_msapp_using_subcommand help; and not __fish_seen_subcommand_from controller crd check render plan prove why impact explain graph status completion help" -f -a "plan" -d 'Shows what a MicroserviceApp would change in the cluster, and which services restart, and why'
complete -c msapp -n "__fish_msapp_using_subcommand help; and not __fish_seen_subcommand_from controller crd check render plan prove why impact explain graph status completion help" -f -a "prove" -d 'Proves that the NetworkPolicies of a MicroserviceApp open what it declares and nothing else'
complete -c msapp -n "__fish_msapp_using_subcommand help; and not __fish_seen_subcommand_from controller crd check render plan prove why impact explain graph status completion help" -f -a "why" -d 'Tells whether one may talk to the other, and which line of the resource says so or would'
complete -c msapp -n "__fish_msapp_using_subcommand help; and not __fish_seen_subcommand_from controller crd check render plan prove why impact explain graph status completion help" -f -a "impact" -d 'Tells what breaks when one service, backing service or external service is down'
complete -c msapp -n "__fish_msapp_using_subcommand help; and not __fish_seen_subcommand_from controller crd check render plan prove why impact explain graph status completion help" -f -a "explain" -d 'Tells each effective value of a service, and the line that it comes from'
complete -c msapp -n "__fish_msapp_using_subcommand help; and not __fish_seen_subcommand_from controller crd check render plan prove why impact explain graph status completion help" -f -a "graph" -d 'Draws what calls what, without a cluster'
complete -c msapp -n "__fish_msapp_using_subcommand help; and not __fish_seen_subcommand_from controller crd check render plan prove why impact explain graph status completion help" -f -a "status" -d 'Shows how an app is: its services as a tree, callers above what they call, and the first thing that is broken'
complete -c msapp -n "__fish_msapp_using_subcommand help; and not __fish_seen_subcommand_from controller crd check render plan prove why impact explain graph status completion help" -f -a "completion" -d 'Prints the completion script of a shell'
complete -c msapp -n "__fish_msapp_using_subcommand help; and not __fish_seen_subcommand_from controller crd check render plan prove why impact explain graph status completion help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
