// Status and Result are part of the public API; inside the library they are included from here.
#pragma once

#include "libcontrol/include/muster/status.h"
