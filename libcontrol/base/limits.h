// Every bound, with its reason, in one place.
#pragma once

#include <cstddef>
#include <cstdint>

#include "libcontrol/base/clock.h"

namespace muster::limits {

// --- what comes over a wire -----------------------------------------------------------------
// One stanza read from a component stream. Servers cut at 256 KiB (ejabberd) or 512 KiB (Prosody).
inline constexpr size_t kMaxStanzaBytes = 512 * 1024;
// Deeper XML than any protocol here has is an attack on the stack.
inline constexpr int kMaxXmlDepth = 32;
// A chat line longer than this is no command.
inline constexpr size_t kMaxChatLineBytes = 4096;
// One argument, unless its own option says less.
inline constexpr size_t kMaxArgumentBytes = 1024;
inline constexpr size_t kMaxArguments = 64;
// One chat message or text field of a reply; some phones cut longer ones.
inline constexpr size_t kMaxReplyTextBytes = 32 * 1024;

// --- command sessions (XEP-0050) --------------------------------------------------------------
inline constexpr Duration kSessionLife = Duration::seconds(600);
// Open sessions in all, and of one full JID: a person fills in a handful of forms at most.
inline constexpr size_t kMaxSessions = 1024;
inline constexpr size_t kMaxSessionsPerJid = 16;
// One-time codes for what can hurt.
inline constexpr Duration kConfirmLife = Duration::seconds(60);
inline constexpr size_t kMaxConfirms = 256;

// --- requests of ours that await an answer ----------------------------------------------------
inline constexpr size_t kMaxPendingIqs = 16384;
inline constexpr Duration kIqTimeout = Duration::seconds(15);

// --- log levels ------------------------------------------------------------------------------
inline constexpr Duration kOverrideDefault = Duration::seconds(15 * 60);
inline constexpr size_t kMaxOverrides = 256;

// --- election -------------------------------------------------------------------------------
// Shorter leases than this lose to ordinary scheduling and network delays.
inline constexpr Duration kMinLeaseTtl = Duration::millis(500);
// Longer ones would make a crash's wait unbearable.
inline constexpr Duration kMaxLeaseTtl = Duration::seconds(300);
inline constexpr Duration kDefaultLeaseTtl = Duration::seconds(5);
inline constexpr Duration kDefaultDrainDeadline = Duration::seconds(30);
// An offer must be taken up within this.
inline constexpr Duration kOfferTimeout = Duration::seconds(2);
// A reported epoch further than this above the record is a poisoned value: refused and alarmed.
inline constexpr uint64_t kMaxEpochJump = 1'000'000;
// A gap in the event loop after which old input must not be believed (rule 1).
inline constexpr Duration kMaxLoopGap = Duration::seconds(5);

// --- the cluster ----------------------------------------------------------------------------
inline constexpr size_t kMaxGroups = 1000;
inline constexpr size_t kMaxMembers = 10000;
inline constexpr size_t kMaxNameBytes = 64;

}  // namespace muster::limits
