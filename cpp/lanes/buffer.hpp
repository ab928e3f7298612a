// Memory for rows of lanes, aligned to the largest register.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace rnnlatch {

template <class T>
struct AlignedAllocator {
    using value_type = T;
    static constexpr std::align_val_t alignment{64};

    AlignedAllocator() = default;
    template <class U>
    AlignedAllocator(const AlignedAllocator<U>&) {}

    T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), alignment)); }
    void deallocate(T* pointer, std::size_t) { ::operator delete(pointer, alignment); }
    template <class U>
    bool operator==(const AlignedAllocator<U>&) const {
        return true;
    }
};

template <class T>
using Buffer = std::vector<T, AlignedAllocator<T>>;

// The same without initial values, for large intermediate results that are written before they are read.
template <class T>
class Scratch {
   public:
    explicit Scratch(std::size_t size) : data_(AlignedAllocator<T>().allocate(size)), size_(size) {}
    ~Scratch() { AlignedAllocator<T>().deallocate(data_, size_); }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    T* data() { return data_; }

   private:
    T* data_;
    std::size_t size_;
};

}  // namespace rnnlatch
