#include "common/base/supervisor.h"
