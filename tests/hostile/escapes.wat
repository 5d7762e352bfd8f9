;; Its summary would colour, retitle and turn a terminal around.
;; answer: red flipped
(data (i32.const 4104) "\00\40\00\00\1e\00\00\00")
(data (i32.const 16384) "\1b[31mred\1b]0;title\07 \e2\80\aeflipped")
