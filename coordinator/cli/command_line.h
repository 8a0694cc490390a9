// The command line as a whole: flags, verbs, help, errors of usage.
#pragma once

namespace muster::cli {

// Reads the words, does what they say and returns the exit code. Needs a QCoreApplication.
int runCommandLine(int argc, char** argv);

}  // namespace muster::cli
