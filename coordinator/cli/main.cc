// muster: the command line of a Muster cluster.
#include <QCoreApplication>
#include <clocale>

#include "coordinator/cli/command_line.h"

int main(int argc, char** argv) {
  // Qt sets the locale of the environment; text is to be in its character set, but numbers are
  // written one way only.
  QCoreApplication application(argc, argv);
  std::setlocale(LC_NUMERIC, "C");
  return muster::cli::runCommandLine(argc, argv);
}
