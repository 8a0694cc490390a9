#include <charconv>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "libcontrol/records/layouts.h"

namespace muster::records {
namespace {

// Objects within objects have the outer key before theirs: "http.status"; lists are written as
// values with commas.
class Reader : public nlohmann::json::json_sax_t {
 public:
  explicit Reader(FieldSink& sink) : sink_(sink) {}

  bool null() override { return scalar("null"); }
  bool boolean(bool value) override { return scalar(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override {
    return whole(value, static_cast<double>(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return whole(value, static_cast<double>(value));
  }
  bool number_float(number_float_t value, const string_t& written) override {
    if (lists_ > 0) return item(written);
    sink_.number(key_, value, written);
    return depth_ > 0;
  }
  bool string(string_t& value) override {
    if (lists_ > 0) return item(value);
    sink_.text(key_, value);
    return depth_ > 0;
  }
  bool binary(binary_t&) override { return false; }

  bool start_object(size_t) override {
    if (lists_ > 0) {
      ++lists_;
      return item("{");
    }
    // The key of the outermost is empty.
    prefixes_.push_back(prefix_);
    if (!key_.empty()) key_ += '.';
    prefix_ = key_.size();
    ++depth_;
    return prefixes_.size() <= kMaxDepth;
  }
  bool key(string_t& name) override {
    if (lists_ > 0) return item(name + ":");
    key_.resize(prefix_);
    key_ += name;
    return true;
  }
  bool end_object() override {
    if (lists_ > 0) {
      --lists_;
      return item("}");
    }
    key_.resize(prefix_ > 0 ? prefix_ - 1 : 0);
    prefix_ = prefixes_.back();
    prefixes_.pop_back();
    return true;
  }
  bool start_array(size_t) override {
    if (lists_++ == 0)
      list_.clear();
    else
      item("[");
    return depth_ > 0 && lists_ <= kMaxDepth;
  }
  bool end_array() override {
    if (--lists_ > 0) return item("]");
    sink_.text(key_, list_);
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

 private:
  static constexpr size_t kMaxDepth = 32;

  bool scalar(std::string_view written) {
    if (lists_ > 0) return item(written);
    sink_.other(key_, written);
    return depth_ > 0;
  }
  template <typename Number>
  bool whole(Number value, double number) {
    char digits[24];
    const auto end = std::to_chars(std::begin(digits), std::end(digits), value).ptr;
    const std::string_view written(digits, static_cast<size_t>(end - digits));
    if (lists_ > 0) return item(written);
    sink_.number(key_, number, written);
    return depth_ > 0;
  }
  bool item(std::string_view written) {
    const bool is_end = written == "]" || written == "}";
    const char before = list_.empty() ? '[' : list_.back();
    if (!is_end && before != '[' && before != '{' && before != ':') list_ += ',';
    list_ += written;
    return true;
  }

  FieldSink& sink_;
  std::string key_;
  size_t prefix_ = 0;             // of key_, where the names of this object begin
  std::vector<size_t> prefixes_;  // the same of the objects around
  size_t depth_ = 0;
  size_t lists_ = 0;
  std::string list_;
};

}  // namespace

bool parseJson(std::string_view line, FieldSink& sink) {
  Reader reader(sink);
  return nlohmann::json::sax_parse(line.begin(), line.end(), &reader);
}

}  // namespace muster::records
