/// Compiles a function twice: for every x86-64, and for those that have AVX2, which take twice as many pixels at a time.
/// Which one runs is decided by the processor. Both are made of the same text, which counts in whole numbers: the result
/// is the same.
macro_rules! widest {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn plain($($arg: $ty),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn wide($($arg: $ty),*) $(-> $ret)? {
                    plain($($arg),*)
                }
                if std::is_x86_feature_detected!("avx2") {
                    // SAFETY: this processor has AVX2, and `wide` asks for nothing else.
                    #[allow(unsafe_code, reason = "what a processor has is only known while it runs")]
                    return unsafe { wide($($arg),*) };
                }
            }
            plain($($arg),*)
        }
    };
}
pub(super) use widest;
