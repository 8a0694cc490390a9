// What `failover` has muster-agent run: a program that is active while it runs, and as small as
// that allows, since the time that it takes to start is its own.
#include <unistd.h>

#include "bench/failover/told.h"

// failover_program BOARD NAME
int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const muster::bench::Teller teller(argv[1], argv[2]);
  teller.tellActive();
  while (true) pause();
}
