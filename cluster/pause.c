/* The first process of every pod: it holds the pod's namespaces, buries orphans, and leaves on SIGTERM. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void leave(int signal_number) { (void)signal_number; _exit(0); }
static void bury(int signal_number) { (void)signal_number; while (waitpid(-1, NULL, WNOHANG) > 0) { } }

int main(void) {
    struct sigaction on_exit = {.sa_handler = leave}, on_child = {.sa_handler = bury, .sa_flags = SA_NOCLDSTOP};
    if (sigaction(SIGINT, &on_exit, NULL) || sigaction(SIGTERM, &on_exit, NULL) || sigaction(SIGCHLD, &on_child, NULL))
        return 1;
    for (;;) pause();
}
